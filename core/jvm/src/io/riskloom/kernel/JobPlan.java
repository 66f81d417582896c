package io.riskloom.kernel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.Serializable;
import java.util.List;
import java.util.Map;

/**
 * What Python declares and the kernel executes, read from JSON (riskloom.stream.plan writes it).
 *
 * <p>Names of columns are SQL names: of the event's fields, of window features and of the stages' results.
 */
record JobPlan(
    Registry registry, Output scores, Output deadLetters, long lateToleranceMs, List<Domain> domains)
    implements Serializable {

  /** Where writer schemas come from: addresses in order of preference, client options, and those known already, by id. */
  record Registry(List<String> urls, Map<String, String> options, Map<Integer, String> schemas)
      implements Serializable {}

  /** A topic that the kernel writes, and the id of its registered schema. */
  record Output(String topic, int schemaId) implements Serializable {}

  /** One event domain: how its records are read, what is kept of them, how they are scored. */
  record Domain(
      String name,
      String topic,
      String readerSchema,
      String eventId,
      String eventTime,
      String key,
      String entity,
      String ruleVersion,
      List<Series> series,
      List<Feature> features,
      List<List<NamedSql>> stages,
      List<String> featureColumns,
      List<Reason> reasons,
      String scoreColumn,
      String levelColumn)
      implements Serializable {}

  /** A measure of the domain's events kept over one window. The id is stable across restarts and feature sets. */
  record Series(int id, long windowMs, String measure, boolean sum, boolean squares, boolean min, boolean max)
      implements Serializable {}

  /** A window feature: an aggregate of a series, of any domain with the same entity. No series: always the default. */
  record Feature(String name, Integer series, String aggregate, Double defaultValue) implements Serializable {}

  /** A column and the SQL that computes it. */
  record NamedSql(String name, String sql) implements Serializable {}

  /** A reason of the rule and the column that holds what it added to the score. */
  record Reason(String code, String description, String column) implements Serializable {}

  static JobPlan parse(String json) {
    try {
      return new ObjectMapper()
          .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .readValue(json, JobPlan.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the job's plan cannot be read: " + e.getOriginalMessage(), e);
    }
  }
}
