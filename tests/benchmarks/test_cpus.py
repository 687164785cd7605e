"""CPUs and CPU time of processes that the benchmark starts."""

import os
import subprocess
import sys

import pytest

from benchmarks import NotMeasured, cpus


def test_pinning_applies_to_started_processes_only() -> None:
    before = os.sched_getaffinity(0)
    with cpus.pinned(1):
        output = subprocess.run(
            [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"], capture_output=True, text=True
        ).stdout
    assert output.split() == [str(max(before))]
    assert os.sched_getaffinity(0) == before


def test_more_cpus_than_the_machine_has_are_rejected() -> None:
    count = cpus.count()
    with pytest.raises(NotMeasured, match=f"cpus must be at most {count}, .* got {count + 1}"), cpus.pinned(count + 1):
        pass


@pytest.mark.skipif(not cpus.has_quota(), reason="no cgroup that can limit CPU time")
def test_share_limits_the_cpu_time() -> None:
    program = "import time\nt = time.time()\nwhile time.time() < t + 1: pass\nprint(time.process_time())"
    with cpus.share(0.25) as group:
        with cpus.joined(group):
            busy = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        output, _ = busy.communicate(timeout=30)
    assert float(output) < 0.5
    assert not group.exists()


@pytest.mark.skipif(not cpus.has_quota(), reason="no cgroup that can limit CPU time")
def test_the_share_of_a_group_can_be_changed() -> None:
    program = "import time\nt = time.time()\nwhile time.process_time() < 0.2: pass\nprint(time.time() - t)"
    with cpus.share(2) as group:
        cpus.limit(group, 0.2)
        with cpus.joined(group):
            busy = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        output, _ = busy.communicate(timeout=60)
    assert float(output) > 0.7
