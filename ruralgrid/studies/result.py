"""What a study gives: frames by stage, the answer to the claim, and what both rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ruralgrid.assess import ClaimAnswer
    from ruralgrid.county import County
    from ruralgrid.findings import Findings
    from ruralgrid.limits import LimitSet
    from ruralgrid.report.terms import Lang

__all__ = ["Study"]


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """The study of a county over its stages.

    Parameters
    ----------
    county : County
        The county at stage 0.
    limits : LimitSet
        What it was judged by.
    stages : pandas.DataFrame
        A row per stage: fed_kwh, served_kwh, loss_kwh, loss_percent, peak_mw, hours_of_use_h,
        balance_residual (of the energy fed), villages_low, households_low, households_unsupplied.
    villages : pandas.DataFrame
        A row per village and stage: lowest voltage, hours and households low, level at fault.
    gains : pandas.DataFrame
        A row per village and batch: voltage gain; cured, improved, still low, newly low.
    losses : pandas.DataFrame
        kWh a year by stage, level and component.
    savings : pandas.DataFrame
        Loss saved by each batch and by all.
    targets : pandas.DataFrame
        The plan's low-voltage villages and what the load flow finds before the works.
    claim : ClaimAnswer or None
        The claim against the batches by themselves, without the projects above 10 kV. None where
        the county's plan claims nothing, or not all stages were studied.
    claim_with_projects : ClaimAnswer or None
        The claim against all works, those of 35 kV and above included; one calibration only.
    sensitivity : pandas.DataFrame
        One assumption at a time; empty where it was not asked for.
    built : pandas.DataFrame
        Quantities of each stage.
    loading, radius : pandas.DataFrame
        Transformers and lines beyond their heavy loading by stage; supply radii beyond the limit.
    voltages : pandas.DataFrame
        Buses inside and outside their band, by stage and level.
    pass_rates : pandas.DataFrame
        Voltage pass rate (电压合格率) by stage: classes A to D and composite.
    calibrations : pandas.DataFrame
        The tails of each calibration and what it finds.
    findings : Findings
        Everything worth a look, errors first.
    phases : pandas.DataFrame
        The flow wire by wire beside the balanced one, by stage: households low, loss of 0.4 kV
        lines, the surcharge that their difference stands for. Empty after a balanced study.
    access : pandas.DataFrame
        Villages and households with four-wire supply, by stage: the plan's goals.
    capacity : pandas.DataFrame
        The three-phase load that each village can take, by stage.
    phase_moves : pandas.DataFrame
        Meter boxes that another phase would suit better before any works; empty after a balanced
        study.
    representative : pandas.DataFrame
        The same year from 288 representative hours, and its difference.
    quick_methods : pandas.DataFrame
        Loss of the 10 kV lines before the works by the quick methods of DL/T 686, and why they
        differ from the full year.
    nodes : pandas.DataFrame
        A row per node and stage: of `YearSolution.buses`, hours a year. Where 0.4 kV is solved wire
        by wire besides: v_a_min_pu, v_b_min_pu, v_c_min_pu, the lowest of each phase wire (NaN
        where there is no such wire); `vm_min_pu` is that of the worst phase with customers.
    lines, transformers : pandas.DataFrame
        A row per section, or per transformer (two and three windings), and stage: of the frames of
        `YearSolution`, losses a year.
    """

    county: County
    limits: LimitSet
    stages: pd.DataFrame
    villages: pd.DataFrame
    gains: pd.DataFrame
    losses: pd.DataFrame
    savings: pd.DataFrame
    targets: pd.DataFrame
    claim: ClaimAnswer | None
    claim_with_projects: ClaimAnswer | None
    sensitivity: pd.DataFrame
    built: pd.DataFrame
    loading: pd.DataFrame
    radius: pd.DataFrame
    voltages: pd.DataFrame
    pass_rates: pd.DataFrame
    calibrations: pd.DataFrame
    findings: Findings
    phases: pd.DataFrame
    access: pd.DataFrame
    capacity: pd.DataFrame
    phase_moves: pd.DataFrame
    representative: pd.DataFrame
    quick_methods: pd.DataFrame
    nodes: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file, without those of single elements."""
        tables = {
            "stages": self.stages,
            "villages": self.villages,
            "gains": self.gains,
            "losses": self.losses,
            "savings": self.savings,
            "targets": self.targets,
            "built": self.built,
            "loading": self.loading,
            "radius": self.radius,
            "voltages": self.voltages,
            "pass_rates": self.pass_rates,
            # a county's own tables are of no calibration
            "calibrations": self.calibrations if self.county.origin else pd.DataFrame(),
            "sensitivity": self.sensitivity,
            "phases": self.phases,
            "access": self.access,
            "capacity": self.capacity,
            "phase_moves": self.phase_moves,
            "representative_hours": self.representative,
            "quick_methods": self.quick_methods,
            "assumptions": self.county.assumptions,
            "findings": self.findings.to_frame(),
        }
        if self.claim is not None:
            tables["claim_parts"] = self.claim.parts
            tables["claim_nets"] = self.claim.nets
        if self.claim_with_projects is not None:
            tables["claim_parts_with_projects"] = self.claim_with_projects.parts
            tables["claim_nets_with_projects"] = self.claim_with_projects.nets
        return {name: table for name, table in tables.items() if len(table.columns)}

    @property
    def still_low(self) -> pd.DataFrame:
        """The villages that are low at the last stage, with the level at fault."""
        last = self.villages["stage"] == self.villages["stage"].max()
        return self.villages[last & (self.villages["status"] != "ok")].reset_index(drop=True)

    def write(self, folder: str | Path, *, lang: Lang = "en") -> list[Path]:
        """Write the study into `folder`; returns the files.

        ``report.html`` (one page that opens from disk), ``study.xlsx``, ``villages.geojson`` (where
        nodes have coordinates), ``summary.txt``, every table as CSV, and ``files.txt``, which lists
        them.

        Parameters
        ----------
        folder : str or Path
            Made where it does not exist. The files of an earlier study in it are replaced, and
            those that this one does not write are taken away; other files stay.
        lang : {"en", "zh"}
            The language that the page opens in; it has both.

        Raises
        ------
        UnknownNameError
            There is no such language.
        WriteError
            If a file cannot be written, or one of these names is there that no study wrote; files
            that stood there before stay whole.
        """
        from ruralgrid.report.folder import write_study
        from ruralgrid.study_folder import write_in_place_of

        names = [f"{name}.csv" for name in self.tables]
        return write_in_place_of(Path(folder), names, lambda: write_study(self, Path(folder), lang))

    def plot_profile(
        self,
        village: str,
        *,
        stages: Sequence[int] | None = None,
        lang: Lang = "en",
        ax: Axes | None = None,
    ) -> Axes:
        """Voltage on the way to a village. See `ruralgrid.report.plots.plot_profile`."""
        return _plots().plot_profile(self, village, stages=stages, lang=lang, ax=ax)

    def plot_map(
        self, stage: int | None = None, *, lang: Lang = "en", ax: Axes | None = None
    ) -> Axes:
        """The county, its villages by voltage. See `ruralgrid.report.plots.plot_map`."""
        return _plots().plot_map(self, stage, lang=lang, ax=ax)

    def plot_losses(
        self, *, highest_kv: float = 1000.0, lang: Lang = "en", ax: Axes | None = None
    ) -> Axes:
        """Loss by level and component. See `ruralgrid.report.plots.plot_losses`."""
        return _plots().plot_losses(self, highest_kv=highest_kv, lang=lang, ax=ax)

    def plot_gains(self, *, lang: Lang = "en", ax: Axes | None = None) -> Axes:
        """Treated villages before and after. See `ruralgrid.report.plots.plot_gains`."""
        return _plots().plot_gains(self, lang=lang, ax=ax)

    def plot_claim(self, *, lang: Lang = "en", ax: Axes | None = None) -> Axes:
        """The claim in parts. See `ruralgrid.report.plots.plot_claim`."""
        return _plots().plot_claim(self, lang=lang, ax=ax)

    def plot_duration(
        self,
        village: str,
        *,
        stages: Sequence[int] | None = None,
        lang: Lang = "en",
        ax: Axes | None = None,
    ) -> Axes:
        """Hours of a village, sorted. See `ruralgrid.report.plots.plot_duration`."""
        return _plots().plot_duration(self, village, stages=stages, lang=lang, ax=ax)

    def plot_load(
        self,
        kind: Literal["sorted", "days"] = "sorted",
        *,
        lang: Lang = "en",
        ax: Axes | None = None,
    ) -> Axes:
        """The county's load before the works. See `ruralgrid.report.plots.plot_load`."""
        return _plots().plot_load(self, kind, lang=lang, ax=ax)

    def __repr__(self) -> str:
        first, last = self.stages.iloc[0], self.stages.iloc[-1]
        return (
            f"<Study of {self.county.name!r}: {len(self.stages)} stages; households low "
            f"{first.households_low:,.0f} before, {last.households_low:,.0f} after; loss "
            f"{first.loss_percent:.2f} % before, {last.loss_percent:.2f} % after>"
        )

    def _repr_html_(self) -> str:
        verdict = f"<p>{escape(self.claim.verdict)}</p>" if self.claim is not None else ""
        from ruralgrid.report.digits import sized

        stages = pd.DataFrame(
            {
                "stage": self.stages["stage"],
                "villages low": self.stages["villages_low"],
                "households low": self.stages["households_low"].map("{:,}".format),
                "fed [GWh]": sized(self.stages["fed_kwh"] / 1e6, 2),
                "loss [MWh]": sized(self.stages["loss_kwh"] / 1e3),
                "loss [%]": self.stages["loss_percent"].map("{:.2f}".format),
                "peak [MW]": sized(self.stages["peak_mw"], 2),
            }
        )
        table = stages.to_html(index=False, escape=True)
        return f"<h3>{escape(self.county.name)}</h3>{verdict}{table}"


def _plots() -> ModuleType:
    from ruralgrid.report import plots

    return plots
