package io.riskloom.kernel;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumFs;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Hadoop's local file system without its native library: for want of that, Hadoop starts a process (chmod, readlink) for
 * nearly every file that a checkpoint creates or renames, some 70 at the end of a batch. The JDK does both by itself.
 */
public final class LocalFiles extends RawLocalFileSystem {
  @Override
  public void setPermission(Path path, FsPermission permission) throws IOException {
    java.nio.file.Path file = pathToFile(path).toPath();
    if (permission.getStickyBit() || !file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      super.setPermission(path, permission);
    } else {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permission.toString()));
    }
  }

  @Override
  public FileStatus getFileLinkStatus(Path path) throws IOException {
    return Files.isSymbolicLink(pathToFile(path).toPath()) ? super.getFileLinkStatus(path) : getFileStatus(path);
  }

  /** With checksums, for Hadoop's {@code fs.file.impl}. */
  public static final class Checked extends LocalFileSystem {
    public Checked() {
      super(new LocalFiles());
    }
  }

  /** With checksums, for Hadoop's {@code fs.AbstractFileSystem.file.impl}. */
  public static final class Context extends ChecksumFs {
    public Context(URI uri, Configuration configuration) throws IOException, URISyntaxException {
      super(new Raw(uri, configuration));
    }
  }

  private static final class Raw extends DelegateToFileSystem {
    Raw(URI uri, Configuration configuration) throws IOException, URISyntaxException {
      super(uri, new LocalFiles(), configuration, "file", false);
    }

    @Override
    public int getUriDefaultPort() {
      return -1; // files have none
    }

    @Override
    public boolean isValidName(String name) {
      return true; // the operating system knows
    }
  }
}
