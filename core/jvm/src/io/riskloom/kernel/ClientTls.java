package io.riskloom.kernel;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** TLS from PEM files, by the names that the Python client of the registry gives to its properties. */
final class ClientTls {
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN (ENCRYPTED )?PRIVATE KEY-----([^-]+)-----END (?:ENCRYPTED )?PRIVATE KEY-----");

  private ClientTls() {}

  /** Whether some property asks for TLS other than the JVM's own. */
  static boolean isAskedFor(Map<String, String> options) {
    return options.containsKey("ssl.ca.location") || options.containsKey("ssl.certificate.location");
  }

  /**
   * Make the context that trusts and shows what the properties name.
   *
   * @throws IllegalArgumentException if a file cannot be used
   */
  static SSLContext context(Map<String, String> options) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(identity(options), trust(options.get("ssl.ca.location")), null);
      return context;
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "the registry's ssl.ca.location, ssl.certificate.location or ssl.key.location cannot be used: " + e, e);
    }
  }

  /** Trust the certificates of a PEM file, and no others; without one those that the JVM trusts. */
  private static TrustManager[] trust(String file) throws IOException, GeneralSecurityException {
    if (file == null) return null;
    KeyStore store = emptyStore();
    for (Certificate one : certificates(file)) store.setCertificateEntry("ca" + store.size(), one);
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyManager[] identity(Map<String, String> options) throws IOException, GeneralSecurityException {
    String certificate = options.get("ssl.certificate.location");
    if (certificate == null) return null;
    char[] password = options.getOrDefault("ssl.key.password", "").toCharArray();
    // The key may be in the certificate's file.
    PrivateKey key = key(options.getOrDefault("ssl.key.location", certificate), password);
    KeyStore store = emptyStore();
    store.setKeyEntry("client", key, password, certificates(certificate).toArray(Certificate[]::new));
    KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, password);
    return factory.getKeyManagers();
  }

  private static PrivateKey key(String file, char[] password) throws IOException, GeneralSecurityException {
    Matcher found = KEY.matcher(Files.readString(Path.of(file), StandardCharsets.US_ASCII));
    if (!found.find()) {
      throw new IllegalArgumentException(
          file + " holds no PKCS #8 key; `openssl pkcs8 -topk8 -in KEY -out NEW` makes one of any other");
    }
    byte[] der = Base64.getMimeDecoder().decode(found.group(2));
    PKCS8EncodedKeySpec spec = found.group(1) == null ? new PKCS8EncodedKeySpec(der) : decrypted(der, password);
    for (String algorithm : List.of("RSA", "EC", "Ed25519")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException e) {
        continue;
      }
    }
    throw new InvalidKeySpecException(file + " holds a key that is neither RSA, EC nor Ed25519");
  }

  private static PKCS8EncodedKeySpec decrypted(byte[] der, char[] password) throws IOException, GeneralSecurityException {
    EncryptedPrivateKeyInfo info = new EncryptedPrivateKeyInfo(der);
    // PBES2 names itself only in its parameters.
    String algorithm = info.getAlgParameters() == null ? info.getAlgName() : info.getAlgParameters().toString();
    Cipher cipher = Cipher.getInstance(algorithm);
    cipher.init(
        Cipher.DECRYPT_MODE,
        SecretKeyFactory.getInstance(algorithm).generateSecret(new PBEKeySpec(password)),
        info.getAlgParameters());
    return info.getKeySpec(cipher);
  }

  private static Collection<? extends Certificate> certificates(String file) throws IOException, GeneralSecurityException {
    // A key in the same file is not for the certificates' parser.
    String text = KEY.matcher(Files.readString(Path.of(file), StandardCharsets.UTF_8)).replaceAll("");
    return CertificateFactory.getInstance("X.509")
        .generateCertificates(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }
}
