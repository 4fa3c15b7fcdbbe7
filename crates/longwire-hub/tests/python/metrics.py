"""Reads what a hub shows to Prometheus, and prints each sample as a line of JSON."""

import json
import sys
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

with build_opener(ProxyHandler({})).open(sys.argv[1]) as response:
    for family in text_string_to_metric_families(response.read().decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            print(json.dumps([family.type, sample.name, sample.labels, float(sample.value)]), flush=True)
