"""The shell in a container: scripts, pipes, variables, and what an image has and has not."""

from __future__ import annotations

import pytest

from kubekit.kubelet.exec_command import NotFound, run_in
from kubekit.kubelet.exec_session import ExecSession
from kubekit.kubelet.runtime import Container, Runtime
from kubekit.sim import Loop


def container(image: str = "nginx:1.28", argv: tuple[str, ...] = ()) -> tuple[Loop, Container]:
    loop = Loop()
    runtime = Runtime(loop, "node01")
    runtime.run_sandbox("u", "default", "web", 0, "10.244.1.2", False)
    made = runtime.create_container("u", "c", 0, image, image, argv)
    made.pod.environment["c"] = {"COLOUR": "blue sky"}
    runtime.start_container(made)
    return loop, made


@pytest.mark.parametrize(
    ("script", "out", "status"),
    [
        ("echo a; echo b", "a\nb\n", 0),
        ("false && echo a || echo b", "b\n", 0),
        ("exit 3; echo never", "", 3),
        ("for i in 1 2 3; do echo n$i; done", "n1\nn2\nn3\n", 0),
        ("x=5; if [ $x -gt 3 ]; then echo big; else echo small; fi", "big\n", 0),
        ("if [ -f /none ]; then echo a; elif test -d /etc; then echo b; fi", "b\n", 0),
        ("echo '$COLOUR' \"$COLOUR\" $COLOUR", "$COLOUR blue sky blue sky\n", 0),
        ('echo "a  b"  c', "a  b c\n", 0),
        ("echo $(echo inner | wc -c)", "6\n", 0),
        ("echo ${NONE:-default} ${COLOUR}", "default blue sky\n", 0),
        ("echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f | grep -c o", "2\n", 0),
        ("echo hidden > /dev/null; echo shown", "shown\n", 0),
        ("nosuch; echo $?", "127\n", 0),
        ("! true", "", 1),
        ("seq 5 | tail -n 2 | head -n 1", "4\n", 0),
        ("echo a # no more", "a\n", 0),
        ("x=1; while [ $x = 1 ]; do echo once; x=2; done", "once\n", 0),
        ("echo err >&2; echo out", "out\n", 0),
        ("(echo in; exit 4); echo never", "in\n", 4),
    ],
)  # fmt: skip
def test_scripts(script: str, out: str, status: int) -> None:
    _, made = container()
    code, text, _ = run_in(made, ["sh", "-c", script], 1.0, strict=True)
    assert (code, text) == (status, out)


def test_what_is_wrong_is_said_as_the_shell_says_it() -> None:
    _, made = container()
    assert run_in(made, ["sh", "-c", "echo 'open"], 1.0) == (
        2,
        "",
        "sh: Syntax error: Unterminated quoted string\n",
    )
    assert run_in(made, ["sh", "-c", "done"], 1.0)[:2] == (2, "")
    assert run_in(made, ["sh", "-c", "nosuch"], 1.0, strict=True) == (127, "", "sh: nosuch: not found\n")
    deep = "(" * 500 + ")" * 500
    assert run_in(made, ["sh", "-c", deep], 1.0)[0] == 2


def test_a_loop_without_end_does_not_hold_the_engine() -> None:
    _, made = container()
    assert run_in(made, ["sh", "-c", "while true; do :; done"], 1.0)[0] == 137
    assert run_in(made, ["yes"], 1.0)[0] == 137


@pytest.mark.parametrize(
    ("image", "name", "has"),
    [
        ("nginx", "bash", True),
        ("busybox", "bash", False),
        ("alpine:3.20", "sh", True),
        ("registry.k8s.io/pause:3.10", "sh", False),
        ("registry.k8s.io/etcd:3.6.6-0", "etcdctl", True),
        ("registry.k8s.io/etcd:3.6.6-0", "sh", False),
        ("postgres:17", "psql", True),
        ("nginx", "/bin/ls", True),
        ("nginx", "/opt/ls", False),
    ],
)
def test_what_an_image_has(image: str, name: str, has: bool) -> None:
    _, made = container(image)
    if has:
        run_in(made, [name], 1.0, strict=True)
        return
    with pytest.raises(NotFound, match=f'unable to start container process: exec: "{name}": '):
        run_in(made, [name], 1.0, strict=True)


class Client:
    """Hears of a session."""

    def __init__(self, loop: Loop, made: Container, argv: list[str], *, stdin: bool, tty: bool) -> None:
        self.loop = loop
        self.said: list[tuple[int, str]] = []
        self.status: dict[str, object] | None = None
        self.session = ExecSession(loop, made, argv, stdin=stdin, tty=tty)
        self.session.listen(lambda channel, data: self.said.append((channel, data.decode())), self._done)
        loop.run_until_quiet()

    def _done(self, status: dict[str, object]) -> None:
        assert self.status is None
        self.status = status

    def type(self, text: str) -> str:
        """What is shown after typing."""
        self.said.clear()
        self.session.write(text.encode())
        self.loop.run_until_quiet()
        return "".join(text for _, text in self.said)


def test_seconds_pass_in_a_session_and_not_in_a_probe() -> None:
    loop, made = container()
    before = loop.clock.now()
    client = Client(loop, made, ["sh", "-c", "echo a; sleep 30; echo b"], stdin=False, tty=False)
    assert client.said == [(1, "a\n")] and client.status is None
    loop.advance(29.0)
    assert client.status is None
    loop.advance(1.5)
    assert client.said == [(1, "a\n"), (1, "b\n")]
    assert client.status is not None and client.status["status"] == "Success"
    assert loop.clock.now() - before == pytest.approx(30.5)


def test_a_terminal_echoes_and_a_pipe_does_not() -> None:
    loop, made = container()
    shell = Client(loop, made, ["sh"], stdin=True, tty=True)
    assert shell.said == [(1, "# ")]
    assert shell.type("echo hii\x7f\r") == "echo hii\b \b\r\nhi\r\n# "
    assert shell.type("sleep 100\r") == "sleep 100\r\n"
    assert shell.type("\x03") == "^C\r\n# "
    assert shell.type("nosuch\r") == "nosuch\r\nsh: nosuch: not found\r\n# "
    shell.type("\x04")
    assert shell.status is not None and shell.status["reason"] == "NonZeroExitCode"
    piped = Client(loop, made, ["sh"], stdin=True, tty=False)
    assert piped.said == [] and piped.type("read x; echo got $x\nhello\n") == "got hello\n"
    piped.session.close_stdin()
    assert piped.status is not None and piped.status["status"] == "Success"


def test_a_session_ends_with_its_container() -> None:
    loop, made = container()
    client = Client(loop, made, ["cat"], stdin=True, tty=False)
    runtime = Runtime(loop, "node01")
    runtime.end(made, 0)
    assert client.status is not None
    assert client.status["details"] == {"causes": [{"reason": "ExitCode", "message": "137"}]}
    assert client.type("late\n") == "" and made.watchers == []


def test_hanging_up_leaves_nothing_behind() -> None:
    loop, made = container()
    client = Client(loop, made, ["sh", "-c", "while true; do sleep 1; echo x; done"], stdin=False, tty=False)
    client.session.hang_up()
    client.said.clear()
    loop.advance(10.0)
    assert (client.said, client.status, made.watchers) == ([], None, [])
