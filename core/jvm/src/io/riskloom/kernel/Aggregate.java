package io.riskloom.kernel;

/** What a feature takes from a series: the names of riskloom.domain.Aggregate, in capitals. */
enum Aggregate {
  COUNT,
  SUM,
  MEAN,
  MIN,
  MAX,
  STDDEV,
  FIRST,
  LAST,
  RATIO,
  SUM_OF_PRODUCTS,
  CORRELATION,
  DISTINCT_COUNT,
  TIME_SINCE_LAST,
  EWM_MEAN,
  EWM_VARIANCE,
  RUN_LENGTH,
  DURATION,
  IS_NEW;

  static Aggregate named(String name) {
    return valueOf(name.toUpperCase(java.util.Locale.ROOT));
  }
}
