package io.riskloom.kernel;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writer schemas by id, from a registry with the Confluent interface, fetched once in each JVM.
 *
 * <p>An id that the registry does not know is remembered for a while, so that a stream of foreign bytes is not a stream
 * of requests. A registry that cannot be reached is waited for: good records never become dead letters because of it.
 */
final class SchemaRegistry {
  private static final Logger LOG = LoggerFactory.getLogger(SchemaRegistry.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(10);
  private static final Duration UNREACHABLE_FOR = Duration.ofMinutes(2);

  /** Random bytes can name four thousand million ids: remember so many of them, then start again. */
  private static final int UNKNOWN_MOST = 100_000;

  private static final Map<JobPlan.Registry, SchemaRegistry> SHARED = new ConcurrentHashMap<>();

  private final List<String> urls;
  private final Optional<String> authorization;
  private final HttpClient http;
  private final ObjectMapper json = new ObjectMapper();
  private final Map<Integer, Schema> known = new ConcurrentHashMap<>();
  private final Map<Integer, Long> unknownUntil = new ConcurrentHashMap<>();

  private SchemaRegistry(JobPlan.Registry settings) {
    urls = settings.urls();
    HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(TIMEOUT);
    if (ClientTls.isAskedFor(settings.options())) client.sslContext(ClientTls.context(settings.options()));
    http = client.build();
    authorization =
        Optional.ofNullable(settings.options().get("basic.auth.user.info"))
            .map(user -> "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)))
            .or(() -> Optional.ofNullable(settings.options().get("bearer.auth.token")).map(t -> "Bearer " + t));
    settings.schemas().forEach((id, schema) -> known.put(id, AvroTypes.parse(schema)));
  }

  /** The one client of this JVM for a registry. */
  static SchemaRegistry shared(JobPlan.Registry settings) {
    return SHARED.computeIfAbsent(settings, SchemaRegistry::new);
  }

  /**
   * Find the schema with an id.
   *
   * @return the schema, or null if the registry has no such id
   */
  Schema byId(int id) {
    Schema schema = known.get(id);
    if (schema != null) return schema;
    Long until = unknownUntil.get(id);
    if (until != null && System.nanoTime() < until) return null;
    schema = fetch(id);
    if (schema != null) {
      known.put(id, schema);
    } else {
      if (unknownUntil.size() >= UNKNOWN_MOST) unknownUntil.clear();
      unknownUntil.put(id, System.nanoTime() + UNKNOWN_FOR.toNanos());
    }
    return schema;
  }

  private Schema fetch(int id) {
    if (id <= 0) return null;
    long deadline = System.nanoTime() + UNREACHABLE_FOR.toNanos();
    for (int attempt = 0; ; attempt++) {
      String url = urls.get(attempt % urls.size()) + "/schemas/ids/" + id;
      try {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).timeout(TIMEOUT).GET();
        authorization.ifPresent(value -> request.header("Authorization", value));
        HttpResponse<String> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() == 404) return null;
        if (answer.statusCode() == 200) return avro(json.readTree(answer.body()));
        throw new IOException("status " + answer.statusCode());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while reading " + url, e);
      } catch (IOException e) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException("the schema registry cannot be read: " + url + ": " + e, e);
        }
        LOG.warn("the schema registry cannot be read, trying again: {}: {}", url, e.toString());
        pause(Math.min(5000, 100L << Math.min(attempt, 6)));
      }
    }
  }

  /** A schema, or null for one that is no Avro: its records cannot be decoded, as if the id were unknown. */
  private static Schema avro(JsonNode answer) {
    if (!"AVRO".equals(answer.path("schemaType").asText("AVRO"))) return null;
    try {
      return AvroTypes.parse(answer.path("schema").asText());
    } catch (RuntimeException e) {
      LOG.warn("the registry holds a schema that is no Avro: {}", e.toString());
      return null;
    }
  }

  private static void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for the schema registry", e);
    }
  }
}
