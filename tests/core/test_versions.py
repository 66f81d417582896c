"""The feature version says what features mean: it changes with that, and with nothing else."""

from riskloom.domain import DerivedFeature, Entity, WindowFeature
from riskloom.versions import feature_entities, feature_version


def test_the_version_is_the_same_wherever_the_definition_is(declare):
    assert feature_version(declare()) == feature_version(declare())
    assert len(feature_version(declare())) == 8


def test_only_what_changes_a_value_changes_the_version(declare):
    before = declare(window_features=(WindowFeature(name="n", aggregate="count", window="1hr"),))
    described = WindowFeature(name="n", aggregate="count", window="1hr", description="How many.")
    assert feature_version(declare(window_features=(described,), share=3)) == feature_version(before)
    changed = [
        declare(window_features=(WindowFeature(name="n", aggregate="count", window="2hr"),)),
        declare(window_features=before.window_features, derived_features=(DerivedFeature(name="twice", sql="2 * n"),)),
        declare(window_features=before.window_features, count_late=not before.count_late),
    ]
    assert len({feature_version(domain) for domain in [before, *changed]}) == 4


def test_the_entities_with_features_are_the_keys_and_those_that_windows_name(declare):
    key = declare().key_entity
    shop, town = Entity(name="shop", field="branch"), Entity(name="town", field="country")
    of_shop = WindowFeature(name="n", aggregate="count", window="1hr", entity="shop")
    domain = declare(entities=(town, key, shop), window_features=(of_shop,))
    assert [entity.name for entity in feature_entities(domain)] == [domain.key_entity.name, "shop"]
