"""Each wrong value is told with its path, and all of them.

expect: EventDomain.topic.partitions: Input should be greater than or equal to 1, not 0 ({file}:17)
expect: EventDomain.entities[0].field: it is required ({file}:17)
expect: EventDomain.rule.terms[0].weight: Input should be less than or equal to 1, not 2 ({file}:17)
"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    rule = {"version": "1", "terms": [{"code": "A", "sql": "amount", "weight": 2}]}
    topic = {"name": "payments", "partitions": 0}
    return declare(topic=topic, entities=[{"name": "account"}], rule=rule)
