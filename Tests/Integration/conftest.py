"""Fixtures of the integration tests: each starts real processes and ends them, and shows their logs on failure."""

import pathlib

import pytest
from harness import Pager, Process, Tocsin


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and report.when in ("setup", "call"):
        for path in getattr(item, "process_logs", []):
            if pathlib.Path(path).exists():
                lines = pathlib.Path(path).read_text(errors="replace").splitlines()
                report.sections.append((f"log: {path}", "\n".join(lines[-60:])))


@pytest.fixture
def keep_log(request):
    """Notes a log file whose end is shown when the test fails."""
    request.node.process_logs = []
    return request.node.process_logs.append


@pytest.fixture
def make_pager():
    """Makes webhook receivers that are closed at the end."""
    made = []

    def make(answer=None, port=0):
        made.append(Pager(answer, port))
        return made[-1]

    yield make
    for pager in made:
        pager.stop()


@pytest.fixture
def pager(make_pager):
    return make_pager()


@pytest.fixture
def make_tocsin(tmp_path, keep_log):
    """Makes daemons, each on a folder of its own; those that run at the end are killed."""
    made = []

    def make(**arguments):
        daemon = Tocsin(tmp_path / f"tocsin-{len(made)}", **arguments)
        made.append(daemon)
        keep_log(daemon.folder / "tocsin.log")
        return daemon

    yield make
    for daemon in made:
        if daemon.running:
            daemon.kill()


@pytest.fixture
def make_process(tmp_path, keep_log):
    """Starts other programs; those that run at the end are killed."""
    made = []

    def make(name, command, environment=None, folder=None):
        process = Process(name, command, folder or tmp_path, environment)
        made.append(process)
        keep_log(process.log_path)
        return process

    yield make
    for process in made:
        process.kill()
