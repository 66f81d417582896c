#!/bin/sh
# Submits the job that scores every event to a Spark cluster.
#
#   deploy/spark-submit.sh --master URL [SPARK-SUBMIT OPTION]... [-- RISKLOOM-RUN OPTION...]
#
#   deploy/spark-submit.sh --master spark://spark.example.com:7077 --total-executor-cores 40 --executor-memory 8g \
#       -- --checkpoint hdfs:///riskloom/checkpoint
#   deploy/spark-submit.sh --master yarn --queue streams --num-executors 4 --executor-cores 10 --executor-memory 8g \
#       -- --checkpoint hdfs:///riskloom/checkpoint
#   deploy/spark-submit.sh --master k8s://https://k8s.example.com:6443 --num-executors 4 --executor-cores 10 \
#       --conf spark.kubernetes.container.image=apache/spark:4.3.0 --conf spark.driver.host=riskloom.streams.svc \
#       --packages org.apache.hadoop:hadoop-aws:3.5.0 -- --checkpoint s3a://bucket/riskloom/checkpoint
#
# Before `--` stands what spark-submit takes: --num-executors, --executor-cores, --executor-memory,
# --total-executor-cores, --queue, --principal, --keytab, --properties-file, --packages, --conf and the others. It is
# passed on as it is. After it stands what `riskloom run` takes; see `riskloom run --help`. Properties that riskloom sets
# itself (docs/spark-streaming.md) are changed there, with `--conf`.
#
# There is no Python file to submit. `riskloom run` starts the driver here, in client mode, by the spark-submit of
# SPARK_HOME, or of the pyspark package where that is not set; it brings the jars of the job along, and checks before it
# starts that the executors have a slot for every task. Executors need neither Python nor plugins.
#
# Environment: SPARK_HOME, HADOOP_CONF_DIR or YARN_CONF_DIR (yarn), RISKLOOM_... (where Kafka and the registry are),
# RISKLOOM (the command, if `riskloom` is not on PATH).
set -eu

fail() {
    printf 'spark-submit.sh: %s\n' "$1" >&2
    exit 2
}

# A word, quoted for a reader that splits as a shell does.
quoted() {
    printf " '%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

master=
submit=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
    --master)
        [ $# -gt 1 ] || fail "--master needs a URL"
        master=$2
        shift
        ;;
    --master=*) master=${1#*=} ;;
    --deploy-mode)
        [ "${2-}" = client ] || fail "the driver runs here: --deploy-mode must be client"
        shift
        ;;
    --jars) fail "the job brings jars of its own: name others with --conf spark.jars=FILE,... after --" ;;
    -h | --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$0"
        exit
        ;;
    *) submit=$submit$(quoted "$1") ;;
    esac
    shift
done
[ $# -eq 0 ] || shift
[ -n "$master" ] || fail "name the cluster with --master spark://HOST:PORT, yarn or k8s://URL; --help tells more"

PYSPARK_SUBMIT_ARGS="$submit pyspark-shell"
export PYSPARK_SUBMIT_ARGS
exec "${RISKLOOM:-riskloom}" run --master "$master" "$@"
