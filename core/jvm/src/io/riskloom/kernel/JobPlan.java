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
 *
 * @param entities the entities that an event visits before its key's, one keyed operator for each, in this order
 * @param emitFrom offsets by topic and partition: records below them update the windows and write nothing
 */
record JobPlan(
    Registry registry,
    Output scores,
    Output deadLetters,
    List<String> entities,
    List<Domain> domains,
    Map<String, Map<Integer, Long>> emitFrom)
    implements Serializable {

  /** Where writer schemas come from: addresses in order of preference, client options, and those known already, by id. */
  record Registry(List<String> urls, Map<String, String> options, Map<Integer, String> schemas)
      implements Serializable {}

  /** A topic that the kernel writes, and the id of its registered schema. */
  record Output(String topic, int schemaId) implements Serializable {}

  /** One event domain: how its records are read, what is kept of them, how they are scored. The last visit is its key's. */
  record Domain(
      String name,
      String topic,
      String readerSchema,
      String eventId,
      String eventTime,
      long lateToleranceMs,
      boolean countLate,
      boolean deduplicate,
      String ruleVersion,
      List<Visit> visits,
      List<Series> series,
      List<Feature> features,
      List<List<NamedSql>> stages,
      List<String> featureColumns,
      List<Reason> reasons,
      String scoreColumn,
      String levelColumn,
      String featureVersion)
      implements Serializable {

    /** The entity whose state makes the score. */
    Visit key() {
      return visits.get(visits.size() - 1);
    }
  }

  /** An operator that the domain's events pass: its number, whose state it keeps, and the field that says which one. */
  record Visit(int operator, String entity, String field) implements Serializable {}

  /**
   * A measure of the domain's events, kept over one window in one operator. The id is stable across restarts and feature
   * sets.
   *
   * @param kind tiles, sessions, distinct, ewm or run
   * @param tiles of a window
   * @param other a second measure, or null
   * @param columns what the tiles or sessions keep beside a count
   */
  record Series(
      int id,
      int operator,
      String kind,
      long windowMs,
      int tiles,
      long lateToleranceMs,
      String measure,
      String other,
      List<String> columns)
      implements Serializable {}

  /**
   * A window feature: an aggregate of a series, of any domain with the same entity. No series: always the default.
   *
   * @param includeEvent whether the event itself counts
   */
  record Feature(
      String name, int operator, Integer series, String aggregate, boolean includeEvent, Double defaultValue)
      implements Serializable {}

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
