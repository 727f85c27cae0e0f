"""The freezing lab in a real kernel of whatever version is installed: nothing is lost, an interrupt harms nothing."""

import time

import pytest

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")
manager = pytest.importorskip("jupyter_client.manager", reason="no jupyter_client: python -m pip install ipykernel")
pytest.importorskip("ipykernel", reason="no ipykernel: python -m pip install ipykernel")

pytestmark = pytest.mark.slow

MADE = """
import torch, time
import usft_lib as usft
torch.set_num_threads(1)
y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
masks = torch.stack([(x - 10 - k % 9) ** 2 + (y - 16) ** 2 < 40 for k in range(20)])[:, None]
data = usft.SegmentationData(masks.float(), masks, [f"s{k}" for k in range(20)], "discs")
train, val, test = data.split(0.5, 0.3, 0.2, seed=0)
view = usft.FreezeLab(usft.UNet(4, 2), train, val, steps=STEPS, batch_size=4)
"""


class Kernel:
    """A kernel with one lab in it, spoken to as a front end does."""

    def __init__(self, steps: int):
        self.manager, self.client = manager.start_new_kernel(kernel_name="python3")
        assert self.run(MADE.replace("STEPS", str(steps))) == "ok"
        self.comm = self.tell("view.comm.comm_id")
        self.asked = 0

    def run(self, code: str, timeout: float = 60) -> str:
        """Run a cell to its end: ``"ok"``, or the name of what it raised."""
        reply = self.client.execute_interactive(code, timeout=timeout, output_hook=lambda _: None)["content"]
        return reply["status"] if reply["status"] == "ok" else reply["ename"]

    def tell(self, expression: str):
        for _ in range(20):
            reply = self.client.execute_interactive("", user_expressions={"it": expression}, timeout=60)["content"]
            if reply["status"] == "ok":
                break
            time.sleep(0.1)  # after an error, older kernels turn away for a moment what comes next
        return eval(reply["user_expressions"]["it"]["data"]["text/plain"])  # plain values of our own kernel

    def ask(self, **content) -> int:
        """Send one message of the front end; its number."""
        self.asked += 1
        data = {"method": "custom", "content": {"id": self.asked, **content}}
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.client.shell_channel.send(message)
        return self.asked

    def answers(self, count: int, timeout: float = 30) -> list[dict]:
        """The next ``count`` answers of the lab."""
        found, end = [], time.monotonic() + timeout
        while len(found) < count:
            message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            data = message["content"].get("data", {})
            if message["msg_type"] == "comm_msg" and data.get("method") == "custom":
                found.append(data["content"])
        return found

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(request):
    made = Kernel(getattr(request, "param", 30))
    yield made
    made.close()


def test_what_is_clicked_while_a_cell_runs_is_answered_in_order(kernel):
    kernel.client.execute("time.sleep(2)")
    wanted = [{"do": "toggle", "group": "enc1"}, {"do": "toggle", "group": "head"}, {"do": "guess", "dice": 0.4},
              {"do": "start"}]  # fmt: skip
    numbers = [kernel.ask(**what) for what in wanted]
    answers = kernel.answers(len(numbers))
    assert [answer["to"] for answer in answers] == numbers and all(answer["ok"] for answer in answers)
    kernel.client.execute("time.sleep(2)")  # training goes on under a busy kernel, and its snapshot is there afterwards
    looks = [kernel.ask(do="look", version=-1) for _ in range(5)]
    answers = kernel.answers(5)
    assert [answer["to"] for answer in answers] == looks
    run = answers[-1]["snapshot"]["runs"][0]
    assert run["label"] == "all but enc1 head" and run["guess"] == 0.4 and run["step"] == 30
    assert kernel.tell("view.runs[0].groups") == ["enc2", "bottleneck", "dec2", "dec1"]


@pytest.mark.parametrize("kernel", [100_000], indirect=True)
def test_an_interrupted_kernel_keeps_its_lab(kernel):
    number = kernel.client.execute("view.run('first 1')")
    time.sleep(2)
    kernel.manager.interrupt_kernel()
    while (reply := kernel.client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != number:
        pass
    assert reply["content"]["status"] == "error" and reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.tell("(view.lab.state, view.runs[0].status, len(view.runs[0].loss) > 0)") == ("idle", "stopped", True)
    kernel.ask(do="start")  # by a click: the kernel is idle, and an interrupt has nothing to stop
    assert kernel.answers(1)[0]["ok"]
    kernel.manager.interrupt_kernel()
    time.sleep(0.5)
    assert kernel.tell("view.lab.state") == "running"
    kernel.ask(do="stop")
    assert kernel.answers(1)[0]["ok"] and kernel.run("assert view.lab.wait(20)") == "ok"
    assert kernel.tell("[run.status for run in view.runs]") == ["stopped", "stopped"]
