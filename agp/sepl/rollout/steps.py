"""The steps of a rollout: start, record, advance, abort; and returning by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from agp.errors import AgpError, InputError, NotFoundError
from agp.rspl.commits import Reason
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.origins import OPTIMIZER
from agp.rspl.view import View
from agp.sepl.rollout import ledger
from agp.sepl.rollout.evidence import standing
from agp.sepl.rollout.types import Lane, Outcome, Rollout, Stage, Thresholds

_ALIASES = (Stage.SHADOW, Stage.CANARY)


class Rollouts:
    """The rollouts of a store. ``author`` is who takes the steps."""

    def __init__(self, history: History, author: str = "user") -> None:
        self.history = history
        self.author = author

    # -- looking ---------------------------------------------------------------------------

    def get(self, run: str) -> Rollout:
        """A rollout by its id. Raises NotFoundError."""
        with self.history.database.read() as session:
            return ledger.read(session, run)

    def every(self) -> list[Rollout]:
        """All rollouts, newest first."""
        return [self.get(run) for run in ledger.runs(self.history.database)]

    def on(self, branch: str = MAIN) -> Rollout | None:
        """The rollout that is under way on a branch."""
        for run in ledger.runs(self.history.database, running=True):
            if (found := self.get(run)).branch == branch:
                return found
        return None

    def view(self, rollout: Rollout) -> View:
        """What is live on its branch, with the candidate's versions in place."""
        records = [self.history.load(digest) for digest in rollout.resources.values()]
        return self.history.view(rollout.branch).with_overlay(records)

    # -- steps -----------------------------------------------------------------------------

    def start(
        self,
        target: str | dict[ResourceId, str],
        branch: str = MAIN,
        *,
        stage: Stage = Stage.SHADOW,
        thresholds: Thresholds | None = None,
    ) -> Rollout:
        """Begin to roll out what a commit changed, or given versions (resource → digest).

        Parameters: ``target`` a commit, tag or branch: all that its line changed since it left
        ``branch``; ``stage`` ``shadow`` or ``canary``. Raises InputError where it is live already,
        takes a resource out, or another rollout is under way on the branch.
        """
        limits = thresholds or Thresholds()
        limits.check()
        if stage is Stage.ACTIVE:
            raise InputError(
                "A rollout begins as shadow or canary.", hint="Then: agp rollout advance"
            )
        changes = self._changes(target, branch)
        rollout = Rollout(
            id=ledger.new_id(),
            branch=branch,
            candidate=target if isinstance(target, str) else ", ".join(map(str, target)),
            changes=changes,
            thresholds=limits,
            stage=stage,
        )
        with self.history.database.write() as session:
            self.history.database.one_at_a_time(session)
            if (other := self.on(branch)) is not None:
                raise InputError(
                    f"{other.id} is under way on {branch}.",
                    hint=f"End it first: agp rollout abort {other.id}",
                )
            ledger.begin(session, rollout, self.author)
        self._alias(rollout, stage)
        return rollout

    def served(self, rollout: Rollout, task: str, lanes: Sequence[Lane]) -> None:
        """Note who answered a task that ran through the rollout."""
        with self.history.database.write() as session:
            self.history.database.one_at_a_time(session)
            payload = {"task": task, "lanes": list(lanes)}
            ledger.append(session, rollout.id, "served", [payload])

    def record(self, run: str, outcomes: Sequence[tuple[str, Lane, float | None]]) -> Rollout:
        """Record how tasks went: (task, side, score), None where it failed.

        Returns from the candidate where the outcomes speak against it. Raises InputError, and
        records nothing, for a rollout that has ended, a score outside [0, 1], a task recorded
        before on that side.
        """

        def work(session: Session, rollout: Rollout) -> dict[str, Any] | None:
            known = {(outcome.task, outcome.lane) for outcome in rollout.outcomes}
            for task, lane, score in outcomes:
                new = Outcome(
                    task=task,
                    lane=lane,
                    score=score if score is not None else 0.0,
                    failed=score is None,
                    stage=rollout.stage,
                )
                new.check()
                if (task, lane) in known:
                    raise InputError(f"The outcome of {task} ({lane}) is recorded already.")
                known.add((task, lane))
                rollout.outcomes.append(new)
            added = rollout.outcomes[len(rollout.outcomes) - len(outcomes) :]
            payloads = [outcome.model_dump(mode="json") for outcome in added]
            ledger.append(session, run, "outcome", payloads)
            found = standing(rollout)
            if not found.alarm:
                return None
            return {"ended": "returned", "why": found.alarm, "evidence": asdict(found)}

        return self._work(run, work)

    def advance(self, run: str) -> Rollout:
        """Go on to the next stage; from active, end the watch.

        Raises AgpError, saying what is missing, where the evidence does not suffice; ConflictError
        where what the candidate changes was changed on the branch meanwhile.
        """

        def work(session: Session, rollout: Rollout) -> dict[str, Any]:
            found = standing(rollout)
            if found.waits:
                raise AgpError(
                    f"{run} stays {rollout.stage}: {found.waits}.",
                    hint="Record more outcomes (agp rollout record), or end it: agp rollout abort",
                )
            payload: dict[str, Any] = {"evidence": asdict(found)}
            if rollout.stage.next is None:
                return payload | {"ended": "completed", "why": "it kept its promise"}
            if rollout.stage.next is Stage.ACTIVE:
                payload["commit"] = self._go_live(session, rollout, asdict(found))
            return payload | {"stage": rollout.stage.next.value}

        return self._work(run, work)

    def abort(self, run: str, why: str = "") -> Rollout:
        """End a rollout; if it is live already, a commit brings the old versions back."""
        payload = {"ended": "aborted", "why": why or "a person ended it"}
        return self._work(run, lambda _session, _rollout: payload)

    # -- how -------------------------------------------------------------------------------

    def _work(self, run: str, work: Callable[[Session, Rollout], dict[str, Any] | None]) -> Rollout:
        """Take a step in one transaction, then move aliases. Raises InputError after its end."""
        with self.history.database.write() as session:
            self.history.database.one_at_a_time(session)
            before = ledger.read(session, run)
            if before.ended:
                raise InputError(f"{run} has ended: {before.why}.", hint="See: agp rollout status")
            payload = work(session, before)
            if payload is not None:
                if payload.get("ended") in ("aborted", "returned") and before.commit:
                    payload["restored"] = self._restore(session, before, str(payload["why"]))
                ledger.step(session, run, self.author, payload)
        after = self.get(run)
        if payload is not None:
            self._alias(before, None if after.ended else after.stage)
        return after

    def _changes(
        self, target: str | dict[ResourceId, str], branch: str
    ) -> dict[str, tuple[str | None, str]]:
        live = self.history.view(branch).refs
        wanted = self._changed_by(target, branch) if isinstance(target, str) else target
        found = {rid: digest for rid, digest in wanted.items() if live.get(rid) != digest}
        if not found:
            raise InputError(
                f"What {target} changes is live on {branch} already.",
                hint="Let candidates grow on a branch of their own: agp branch create trial, then "
                "agp evolve … --branch trial, then agp rollout start trial",
            )
        return {str(rid): (live.get(rid), digest) for rid, digest in sorted(found.items())}

    def _changed_by(self, target: str, branch: str) -> dict[ResourceId, str]:
        history = self.history
        commit = history.find_commit(target)
        head = history.head(branch)
        live = {each.id for each in history.chain(head)} if head else set[str]()
        fork = next((c.id for c in history.chain(commit.id) if c.id in live), None)
        old: Mapping[ResourceId, str] = history.view_at(fork).refs if fork else {}
        new = history.view_at(commit.id).refs
        if gone := sorted(set(old) - set(new)):
            raise InputError(
                f"{target} takes {gone[0]} out; a rollout only changes or adds resources.",
                hint="Take it out by a commit of its own.",
            )
        return {rid: digest for rid, digest in new.items() if old.get(rid) != digest}

    def _go_live(self, session: Session, rollout: Rollout, evidence: dict[str, Any]) -> str:
        changes: dict[ResourceId, Record | None] = {
            rid: self.history.load(digest) for rid, digest in rollout.resources.items()
        }
        base = {ResourceId.parse(name): was for name, (was, _) in rollout.changes.items()}
        return self._commit(session, rollout, changes, base, f"{rollout.id} goes live", evidence)

    def _restore(self, session: Session, rollout: Rollout, why: str) -> str:
        changes = {
            ResourceId.parse(name): self.history.load(was) if was else None
            for name, (was, _) in rollout.changes.items()
        }
        base: dict[ResourceId, str | None] = {**rollout.resources}
        message = f"{rollout.id} returns: {why}"
        return self._commit(session, rollout, changes, base, message, {})

    def _commit(
        self,
        session: Session,
        rollout: Rollout,
        changes: dict[ResourceId, Record | None],
        base: dict[ResourceId, str | None],
        message: str,
        evidence: dict[str, Any],
    ) -> str:
        reason = Reason(
            author=self.author,
            operator="rollout",
            message=message,
            evidence={"run": rollout.id, **evidence},
        )
        made = self.history.commit(
            rollout.branch,
            changes,
            reason,
            expected=None,
            base=base,
            session=session,
            origin=OPTIMIZER,  # a rollout vouches for no code: what a person wrote stays theirs
        )
        return made.id if made else ""

    def _alias(self, rollout: Rollout, stage: Stage | None) -> None:
        """Let the alias of a stage stand for the candidate's versions, and no other stage's."""
        names = self.history.names
        for rid, digest in rollout.resources.items():
            for each in _ALIASES:
                if each is stage:
                    names.move_alias(rid, each.value, digest, author=self.author)
                elif names.alias(rid, each.value) == digest:
                    try:
                        names.delete_alias(rid, each.value, author=self.author)
                    except NotFoundError:  # somebody else took it away at the same moment
                        continue
