package io.riskloom.kernel;

import java.util.Arrays;
import java.util.List;
import org.apache.avro.util.Utf8;

/**
 * Writes the scores of one domain as Confluent Avro, in the order of fields of riskloom's risk-score.avsc.
 *
 * <p>The outputs of a domain's score are the features, then what each reason added, then the score and the level. Reasons
 * that added nothing are left out.
 */
final class ScoreWriter {
  private final ConfluentAvro avro;
  private final Utf8 name;
  private final Utf8 entity;
  private final Utf8 ruleVersion;
  private final Utf8 featureVersion;

  /** Of each feature's entry what stands before its value, and the entry of one that is null. */
  private final byte[][] presentFeatures;

  private final byte[][] absentFeatures;
  private final Utf8[] codes;
  private final Utf8[] descriptions;
  private final Utf8[] visitedEntities;

  /** Where the sequence number of each entity visited on the way stands in what was found there. */
  private final int[] sequenceAt;

  ScoreWriter(JobPlan.Domain domain, int schemaId) {
    avro = new ConfluentAvro(schemaId);
    name = new Utf8(domain.name());
    entity = new Utf8(domain.key().entity());
    ruleVersion = new Utf8(domain.ruleVersion());
    featureVersion = new Utf8(domain.featureVersion());
    presentFeatures = domain.featureColumns().stream().map(one -> entry(one, 1)).toArray(byte[][]::new);
    absentFeatures = domain.featureColumns().stream().map(one -> entry(one, 0)).toArray(byte[][]::new);
    codes = utf8(domain.reasons().stream().map(JobPlan.Reason::code).toList());
    descriptions = utf8(domain.reasons().stream().map(JobPlan.Reason::description).toList());
    List<JobPlan.Visit> onTheWay = domain.visits().subList(0, domain.visits().size() - 1);
    visitedEntities = utf8(onTheWay.stream().map(JobPlan.Visit::entity).toList());
    sequenceAt = new int[onTheWay.size()];
    int next = 0;
    for (int i = 0; i < sequenceAt.length; i++) {
      sequenceAt[i] = next;
      next += 1 + DomainWindows.features(domain, onTheWay.get(i).operator()).size();
    }
  }

  byte[] write(Frame event, SqlProgram.InPlace score, DomainWindows found) {
    int features = presentFeatures.length;
    int scoreAt = features + codes.length;
    return avro.encode(
        out -> {
          out.writeString(new Utf8(event.id()));
          out.writeString(name);
          out.writeString(entity);
          out.writeString(new Utf8(event.key()));
          out.writeLong(event.timeMs());
          out.writeLong(System.currentTimeMillis());
          out.writeDouble(score.number(scoreAt));
          out.writeString(new Utf8(score.text(scoreAt + 1).getBytes()));
          int reasons = 0;
          for (int i = 0; i < codes.length; i++) if (score.number(features + i) > 0) reasons++;
          out.writeArrayStart();
          out.setItemCount(reasons);
          for (int i = 0; i < codes.length; i++) {
            double added = score.number(features + i);
            if (!(added > 0)) continue;
            out.startItem();
            out.writeString(codes[i]);
            out.writeDouble(added);
            out.writeString(descriptions[i]);
          }
          out.writeArrayEnd();
          out.writeMapStart();
          out.setItemCount(features);
          for (int i = 0; i < features; i++) {
            out.startItem();
            boolean present = !score.isNull(i);
            out.writeFixed(present ? presentFeatures[i] : absentFeatures[i]);
            if (present) out.writeDouble(score.number(i));
          }
          out.writeMapEnd();
          out.writeString(ruleVersion);
          out.writeInt(event.schemaId());
          out.writeBoolean(found.late);
          out.writeLong(found.sequence);
          out.writeBoolean(found.duplicate);
          out.writeMapStart();
          int visited = 0;
          for (int at : sequenceAt) if (event.found()[at] > 0) visited++;
          out.setItemCount(visited);
          for (int i = 0; i < sequenceAt.length; i++) {
            if (!(event.found()[sequenceAt[i]] > 0)) continue;
            out.startItem();
            out.writeString(visitedEntities[i]);
            out.writeLong((long) event.found()[sequenceAt[i]]);
          }
          out.writeMapEnd();
          out.writeMapStart();
          int named = 0;
          for (int i = 0; i < visitedEntities.length; i++) if (event.hasKey(i)) named++;
          out.setItemCount(named);
          for (int i = 0; i < visitedEntities.length; i++) {
            if (!event.hasKey(i)) continue;
            out.startItem();
            out.writeString(visitedEntities[i]);
            out.writeString(new Utf8(event.key(i)));
          }
          out.writeMapEnd();
          out.writeString(featureVersion);
        });
  }

  /** The name of a map's entry and the branch of the union that is its value, encoded: they are the same in all scores. */
  private byte[] entry(String name, int branch) {
    byte[] framed =
        avro.encode(
            out -> {
              out.writeString(name);
              out.writeIndex(branch);
            });
    return Arrays.copyOfRange(framed, ConfluentAvro.HEADER, framed.length);
  }

  private static Utf8[] utf8(List<String> texts) {
    return texts.stream().map(Utf8::new).toArray(Utf8[]::new);
  }
}
