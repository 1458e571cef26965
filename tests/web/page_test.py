"""Loads the page in Chromium and finds the API's numbers on it: page_test.py PAGE_SERVER [test ...]"""

import sys
import unittest
import urllib.parse

from browser import start_browser
from page_server import start_page_server

MARKUP = "<img src=x onerror=\"window.broken=1\"></td><script>window.broken=1</script>&amp;"
PROGRAM = sys.argv.pop(1) if __name__ == "__main__" and len(sys.argv) > 1 else None

RUN_SHOWN = "return !document.getElementById('run').hidden && document.getElementById('network-model').value"
# What a table says: one list per row, each cell as [text, exact value or null].
CELLS = """return [...document.querySelectorAll(arguments[0] + ' > tr')].map(row => [...row.cells].map(cell =>
             [cell.textContent, cell.querySelector('data')?.value ?? null]))"""


def scaled(grams):
    """Grams with three digits in the page's unit, by other means than the page's own."""
    units = [(1e6, "t"), (1e3, "kg"), (1, "g"), (1e-3, "mg"), (1e-6, "µg")]
    size, unit = next((pair for pair in units if grams >= pair[0]), units[-1])
    value = grams / size
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{places}f} {unit} CO₂e"


def contrast(one, other):
    """WCAG 2.1's contrast ratio of two colours #rrggbb."""
    def luminance(colour):
        parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(start_browser())

    def setUp(self):
        self.browser.emulate(1280, 900, "light")
        self.addCleanup(self.browser.open, "about:blank")

    def tearDown(self):
        complaints = [entry["message"] for entry in self.browser.log() if entry["level"] in ("SEVERE", "WARNING")]
        self.assertEqual(complaints, [])

    def serve(self, rounds, hospitals, run_name="Heart disease", last_hospital="zurich-basel.example"):
        return self.enterContext(start_page_server(PROGRAM, rounds, hospitals, run_name, last_hospital))

    def open_run(self, server):
        run = server.get("runs")["runs"][0]
        self.browser.open(f"{server.url}/?run={run['id']}")
        self.browser.wait_for(RUN_SHOWN)
        return f"runs/{run['id']}"

    def cells(self, selector):
        return self.browser.run(CELLS, selector)

    def text(self, element_id):
        return self.browser.run("return document.getElementById(arguments[0]).textContent", element_id)

    def assert_exact(self, cell, value):
        self.assertEqual(float(cell[1]), float(value), cell)

    # ------------------------------------------------------------ numbers

    def test_the_list_leads_to_a_run(self):
        server = self.serve(3, 4)
        self.browser.open(server.url)
        rows = self.browser.wait_for(CELLS, "#runs-rows")
        run = server.get("runs")["runs"][0]
        self.assertEqual([cell[0] for cell in rows[0][1:3]], ["running", "3 of 50"])
        self.assertIn(run["name"], rows[0][0][0])
        self.browser.run("document.querySelector('#runs-rows a').click()")
        self.browser.wait_for(RUN_SHOWN)
        self.assertEqual(self.text("run-name"), run["name"])

    def test_the_headline_is_the_footprint(self):
        server = self.serve(12, 4)
        footprint = server.get(self.open_run(server))["footprint"]
        self.assertTrue(footprint["total"]["atLeast"])
        self.assertEqual(self.text("total"), "≥ " + scaled(footprint["total"]["central"]))
        for part in ("total", "computation", "communication"):
            shown = self.browser.run("return document.querySelector('#' + arguments[0] + ' data').value", part)
            self.assertEqual(float(shown), footprint[part]["central"])

    def test_the_tables_hold_every_node_edge_and_round(self):
        server = self.serve(12, 4)
        path = self.open_run(server)
        run = server.get(path)
        nodes = {cells[0][0]: cells for cells in self.cells("#nodes-rows")}
        self.assertEqual(len(nodes), len(run["nodes"]))
        for node in run["nodes"]:
            cells = nodes[node["node"] or "unknown"]
            self.assert_exact(cells[1], node["footprint"]["total"]["central"])
            self.assert_exact(cells[3], node["footprint"]["computation"]["central"])
            self.assert_exact(cells[4], node["footprint"]["communication"]["central"])
            self.assert_exact(cells[5], node["sentBytes"])
            self.assert_exact(cells[6], node["receivedBytes"])
            self.assert_exact(cells[7], node["footprint"]["computeUs"])
            self.assertEqual(cells[9][0], node["description"]["country"])
        edges = {(cells[0][0], cells[1][0]): cells for cells in self.cells("#edges-rows")}
        self.assertEqual(len(edges), len(run["edges"]))
        for edge in run["edges"]:
            cells = edges[edge["from"], edge["to"]]
            self.assert_exact(cells[2], edge["countedBytes"])
            self.assert_exact(cells[3], edge["communication"]["central"])
            self.assert_exact(cells[4], edge["messageBytes"])
            self.assert_exact(cells[8], edge["disagreementBytes"])
            self.assert_exact(cells[9], edge["unconfirmedBytes"])
        self.assertTrue(any(int(edge["disagreementBytes"]) for edge in run["edges"]))
        self.assertTrue(any(int(edge["unconfirmedBytes"]) for edge in run["edges"]))
        self.browser.run("document.getElementById('rounds-details').open = true")
        rows = self.browser.wait_for(CELLS, "#rounds-rows")
        rounds = server.get(path + "/rounds")["rounds"]
        self.assertEqual([cells[0][0] for cells in rows], [r["round"] for r in rounds])
        for cells, r in zip(rows, rounds):
            self.assert_exact(cells[1], r["footprint"]["total"]["central"])

    def test_compute_time_says_where_it_is_an_upper_bound(self):
        server = self.serve(4, 4)
        path = self.open_run(server)
        self.browser.run("document.getElementById('rounds-details').open = true")
        self.browser.wait_for(CELLS, "#rounds-rows")
        nodes = {node["node"]: node["footprint"] for node in server.get(path)["nodes"]}
        rounds = {r["round"]: r["footprint"] for r in server.get(path + "/rounds")["rounds"]}
        for table, column, footprints, bounds in (("#nodes-rows", 7, nodes, {"longbeach.example"}),
                                                  ("#rounds-rows", 6, rounds, {"2", "3"})):
            for cells in self.cells(table):
                name, cell = cells[0][0], cells[column]
                self.assert_exact(cell, footprints[name]["computeUs"])
                self.assertEqual(footprints[name]["computeIsUpperBound"], name in bounds)
                self.assertEqual(cell[0].startswith("≤ "), name in bounds, cells)
        lower = {name for name, footprint in nodes.items() if footprint["cpuIsLowerBound"]}
        self.assertEqual(lower, {"longbeach.example"})
        for cells in self.cells("#nodes-rows"):
            self.assertEqual(cells[8][0].startswith("≥ "), cells[0][0] in lower, cells)
        marked = self.browser.run("return document.querySelectorAll('#nodes-rows [title^=\"At most\"]').length")
        self.assertEqual(marked, 1)
        for note in ("nodes-upper-bound", "rounds-upper-bound"):
            self.assertTrue(self.browser.run("return document.getElementById(arguments[0]).checkVisibility()", note))

    def test_exact_compute_time_needs_no_explanation(self):
        server = self.serve(2, 4)
        self.open_run(server)
        self.assertFalse(any(cells[7][0].startswith("≤") for cells in self.cells("#nodes-rows")))
        self.assertFalse(self.browser.run("return document.getElementById('nodes-upper-bound').checkVisibility()"))

    def test_what_is_kept_apart_is_shown(self):
        server = self.serve(2, 4)
        run = server.get(self.open_run(server))
        apart = self.cells("#apart-rows")
        self.assert_exact(apart[0][1], run["unattributed"]["total"]["central"])
        self.assert_exact(apart[0][3], run["unattributed"]["countedBytes"])
        self.assert_exact(apart[2][3], sum(int(edge["unconfirmedBytes"]) for edge in run["edges"]))
        self.assert_exact(apart[3][3], int(run["overhead"]["reportBytes"]) + int(run["overhead"]["contextBytes"]))
        gap = self.cells("#gaps-rows")[0]
        self.assertEqual(gap[0][0], run["gaps"][0]["node"])
        self.assertIn("queue full: the coordinator was away", gap[3][0])
        factors = self.cells("#factors-rows")
        self.assertEqual([cells[0][0] for cells in factors], [factor["name"] for factor in run["factors"]])
        for cells, factor in zip(factors, run["factors"]):
            self.assert_exact(cells[1], factor["value"]["central"])
            self.assertEqual(cells[5][0], str(factor["year"] or ""))
            self.assertEqual(cells[6][0], factor["source"])
        warnings = self.browser.run("return [...document.querySelectorAll('#warnings li')].map(li => li.textContent)")
        self.assertEqual(warnings, run["warnings"])

    def test_what_was_waste_is_shown_by_category(self):
        server = self.serve(12, 4)
        run = server.get(self.open_run(server))
        rows = self.cells("#waste-rows")
        self.assertEqual([waste["waste"] for waste in run["waste"]],
                         ["WASTE_REPEATED", "WASTE_POLL", "WASTE_HEARTBEAT", "WASTE_RETRY", "WASTE_FAILED"])
        names = ["Repeated bytes", "Empty polls", "Heartbeats", "Retries", "Failed calls"]
        self.assertEqual(len(rows), len(names))
        for cells, name in zip(rows, names):
            self.assertTrue(cells[0][0].startswith(name), cells)
        for cells, waste in zip(rows, run["waste"]):
            self.assert_exact(cells[1], waste["countedBytes"])
            percent = 100 * int(waste["countedBytes"]) / int(run["footprint"]["countedBytes"])
            self.assertAlmostEqual(float(cells[2][1]), percent)
            self.assert_exact(cells[3], waste["communication"]["central"])
            self.assert_exact(cells[5], waste["messages"])
            self.assert_exact(cells[6], waste["calls"])
        self.assertTrue(self.browser.run("return document.getElementById('waste').checkVisibility()"))

    def test_waste_that_names_no_run_is_shown_beside_it(self):
        server = self.serve(4, 4)
        run = server.get(self.open_run(server))
        self.assertEqual([waste["waste"] for waste in run["unattributedFederationWaste"]], ["WASTE_HEARTBEAT"])
        [cells] = self.cells("#waste-outside-rows")
        self.assertTrue(cells[0][0].startswith("Heartbeats"), cells)
        self.assert_exact(cells[1], run["unattributedFederationWaste"][0]["countedBytes"])
        self.assertEqual(float(cells[2][1]), 100)  # of the bytes in no run
        self.assertTrue(self.browser.run("return document.getElementById('waste-outside').checkVisibility()"))

    def test_a_run_without_waste_says_nothing_of_it(self):
        server = self.serve(2, 4)
        self.assertEqual(server.get(self.open_run(server))["waste"], [])
        self.assertFalse(self.browser.run("return document.getElementById('waste').checkVisibility()"))

    def test_the_chart_stacks_every_round(self):
        server = self.serve(12, 4)
        rounds = server.get(self.open_run(server) + "/rounds")["rounds"]
        drawn = self.browser.run("""
            const chart = Chart.getChart('rounds-chart');
            return {labels: chart.data.labels, data: chart.data.datasets.map(set => set.data),
                    whiskers: chart.options.plugins.interval.whiskers.map(({low, high}) => [low, high])}""")
        self.assertEqual(drawn["labels"], [r["round"] for r in rounds])
        size = rounds[0]["footprint"]["computation"]["central"] / drawn["data"][0][0]
        for i, r in enumerate(rounds):
            for shown, grams in ((drawn["data"][0][i], r["footprint"]["computation"]["central"]),
                                 (drawn["data"][1][i], r["footprint"]["communication"]["central"]),
                                 (drawn["whiskers"][i][0], r["footprint"]["total"]["low"]),
                                 (drawn["whiskers"][i][1], r["footprint"]["total"]["high"])):
                self.assertAlmostEqual(shown * size, grams, delta=1e-9 * grams)

    def test_another_network_model_changes_communication(self):
        server = self.serve(3, 4)
        path = self.open_run(server)
        models = [model["id"] for model in server.get("factors")["networkModels"]]
        self.assertGreaterEqual(len(models), 5)
        for model in models:
            wanted = server.get(f"{path}?network_model={urllib.parse.quote(model)}")["footprint"]["communication"]
            self.browser.run("""
                const select = document.getElementById('network-model');
                select.value = arguments[0];
                select.dispatchEvent(new Event('change'))""", model)
            self.browser.wait_for("return Number(document.querySelector('#communication data').value) === arguments[0]",
                                  wanted["central"])
        self.assertIn(urllib.parse.quote(models[-1], safe=""), self.browser.run("return location.search"))

    # ------------------------------------------------------------ behaviour

    def test_a_round_appears_while_the_run_goes_on(self):
        server = self.serve(3, 4)
        self.open_run(server)
        self.browser.run("window.loadedOnce = true")
        server.add_round()
        self.browser.wait_for("return document.getElementById('run-facts').textContent.includes('4 of 50')")
        self.browser.wait_for("return Chart.getChart('rounds-chart').data.labels.length === 4")
        self.assertTrue(self.browser.run("return window.loadedOnce"))
        self.assertIn("round 4 of 50", self.text("live"))

    def test_names_with_markup_are_text(self):
        server = self.serve(2, 4, run_name=MARKUP, last_hospital=MARKUP)
        self.browser.open(server.url)
        rows = self.browser.wait_for(CELLS, "#runs-rows")
        self.assertIn(MARKUP, rows[0][0][0])
        self.open_run(server)
        self.assertEqual(self.text("run-name"), MARKUP)
        self.assertIn(MARKUP, [cells[0][0] for cells in self.cells("#nodes-rows")])
        self.assertIn(MARKUP, [cells[1][0] for cells in self.cells("#edges-rows")])
        self.assertEqual(self.browser.run("return document.querySelectorAll('main img, main script').length"), 0)
        self.assertIsNone(self.browser.run("return window.broken ?? null"))

    def test_an_unknown_run_says_so(self):
        server = self.serve(1, 4)
        self.browser.open(f"{server.url}/?run=nosuchrun")
        self.browser.wait_for("return !document.getElementById('problem').hidden")
        self.assertIn("nosuchrun", self.text("problem"))
        # Chromium itself logs each answer 404; nothing else may be there.
        self.browser.open("about:blank")
        self.assertTrue(all("404" in entry["message"] for entry in self.browser.log()))

    def test_without_runs_it_says_how_to_get_one(self):
        server = self.serve(0, 4)
        self.browser.open(server.url)
        self.browser.wait_for("return !document.getElementById('runs-none').hidden")
        self.assertIn("node/demo/run.sh", self.text("runs-none"))

    def test_a_thousand_rounds_and_a_hundred_nodes(self):
        server = self.serve(1000, 99)
        self.open_run(server)
        self.assertEqual(len(self.cells("#nodes-rows")), 100)
        bars = self.browser.run("return Chart.getChart('rounds-chart').data.labels")
        self.assertLess(len(bars), 200)
        self.assertTrue(bars[-1].endswith("–999"), bars[-1])
        self.browser.run("document.getElementById('rounds-details').open = true")
        self.browser.wait_for("return document.getElementById('rounds-rows').children.length === 1000")

    # ------------------------------------------------------------ form

    def test_nothing_is_wider_than_a_phone(self):
        server = self.serve(12, 4)
        for width in (360, 390, 768, 1280):
            self.browser.emulate(width, 800, "light")
            self.browser.open(server.url)
            self.browser.wait_for(CELLS, "#runs-rows")
            self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width)
            self.open_run(server)
            self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width)

    def test_the_keyboard_reaches_everything(self):
        server = self.serve(2, 4)
        self.open_run(server)
        visited = []
        for _ in range(40):
            for kind in ("keyDown", "keyUp"):
                self.browser.devtools("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                                      windowsVirtualKeyCode=9)
            visited.append(self.browser.run("""
                const at = document.activeElement;
                return at.id || at.className || at.getAttribute('aria-labelledby') || at.tagName"""))
        self.assertEqual(visited[0], "skip")
        for stop in ("brand", "network-model", "SUMMARY", "scroll"):
            self.assertIn(stop, visited)
        unnamed = self.browser.run("""
            return [...document.querySelectorAll('[role=region], canvas, select, section[aria-labelledby]')].filter(e =>
                !e.getAttribute('aria-label') && !(e.getAttribute('aria-labelledby') ?? '').split(' ')
                    .some(id => document.getElementById(id)?.textContent) && !e.labels?.length).map(e => e.outerHTML)""")
        self.assertEqual(unnamed, [])

    def test_colours_are_legible_in_both_schemes(self):
        server = self.serve(2, 4)
        chart_colours = set()
        for scheme in ("light", "dark"):
            self.browser.emulate(1280, 900, scheme)
            self.open_run(server)
            colour = self.browser.run("""
                const style = getComputedStyle(document.documentElement);
                return Object.fromEntries(['ground', 'card', 'ink', 'quiet', 'link', 'problem', 'computation',
                    'communication', 'whisker', 'warn-ground'].map(name => [name, style.getPropertyValue('--' + name)]))""")
            colour = {name: value.strip() if len(value.strip()) == 7 else "#" + 2 * value.strip()[1:]
                      for name, value in colour.items()}
            for ground in ("ground", "card"):
                for text in ("ink", "quiet", "link", "problem"):
                    self.assertGreaterEqual(contrast(colour[text], colour[ground]), 4.5, (scheme, text, ground))
                for shape in ("computation", "communication", "whisker"):
                    self.assertGreaterEqual(contrast(colour[shape], colour[ground]), 3, (scheme, shape, ground))
            self.assertGreaterEqual(contrast(colour["ink"], colour["warn-ground"]), 4.5)
            drawn = self.browser.run("return Chart.getChart('rounds-chart').data.datasets[0].backgroundColor")
            self.assertEqual(drawn, colour["computation"])
            chart_colours.add(drawn)
        self.assertEqual(len(chart_colours), 2)


if __name__ == "__main__":
    if PROGRAM is None:
        sys.exit(__doc__)
    unittest.main()
