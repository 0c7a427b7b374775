"""What if: thicker wire, or a transformer of its own, for the lowest village of the small plan?"""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import pandas as pd

import ruralgrid as rg
from ruralgrid.studies import check_voltages


def edit(table: str, action: str, name: str, **fields: object) -> dict[str, object]:
    """One row of the table of edits, of batch 1."""
    row = {"stage": 1, "table": table, "action": action, "name": name, "project": "what if"}
    return {**row, "fields": json.dumps(fields)}


def main() -> None:
    """Print voltage and loss of the village as it is, and after either work."""
    county = rg.synthesise(rg.read_plan(Path(__file__).parent / "small_plan"), seed=1)
    worst = check_voltages(county, phases="balanced").violations.iloc[0]
    nodes = county.nodes.set_index("name")
    low = county.sections[county.sections["from_node"].map(nodes["kv"]) < 1]
    graph = nx.from_pandas_edgelist(low, "from_node", "to_node", ["name", "length_km"])
    area = nx.node_connected_component(graph, worst.node)
    (unit,) = county.transformers[county.transformers["lv_node"].isin(area)].to_dict("records")
    way = nx.shortest_path(graph, unit["lv_node"], worst.node)
    wires = [graph.edges[pair] for pair in nx.utils.pairwise(way)]
    entry = next(k for k, node in enumerate(way) if nodes.at[node, "village"] == worst.village)

    wire = {"conductor": "JKLGYJ-1/70", "arrangement": "0.4kV-hor4-50", "phases": "abcn"}
    spur = {"from_node": unit["hv_node"], "to_node": "pole", "conductor": "JKLGYJ-10/70"}
    spur |= {"arrangement": "10kV-tri-ins-50", "phases": "abc"}
    works = {  # a batch is a table of edits
        "as it is": [],
        "thicker wire": [edit("sections", "change", row["name"], **wire) for row in wires],
        "own transformer": [
            edit("nodes", "add", "pole", kv=10.0, kind="junction"),
            edit("sections", "add", "spur", **spur, length_km=sum(w["length_km"] for w in wires)),
            edit("transformers", "add", "u", type="S11-50/10", hv_node="pole", lv_node=way[entry]),
            edit("sections", "remove", wires[entry - 1]["name"]),
        ],
    }
    rows = {}
    for title, edits in works.items():
        after = county.with_tables(edits=pd.DataFrame(edits)).at(1 if edits else 0)
        year = check_voltages(after, phases="balanced")
        end = year.solution.buses.set_index("name").loc[worst.node]
        lost = year.solution.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]]
        volts = end["vm_min_pu"] * 400 / 3**0.5
        rows[title] = {"lowest [V]": volts, "hours": end["hours_below_limit"], **lost}
    print(f"{worst.village}: {len(wires)} sections from {unit['name']}")
    print(pd.DataFrame(rows).round(1))


if __name__ == "__main__":
    main()
