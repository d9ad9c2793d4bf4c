"""The small shell of a node: words, variables, pipes, here-documents; errors in the words of bash."""

from __future__ import annotations

import pytest

from kubekit.cluster.node_files import NodeFiles
from kubekit.terminal.node_shell import Run, Shell


@pytest.fixture
def shell() -> Shell:
    def show(run: Run) -> int:
        run.out(" ".join([run.env.get("X", "-"), *run.args]))
        return 7

    files = NodeFiles()
    files.put("/root/three", "one\ntwo\nthree\n")
    return Shell(files, {"show": show}, {"HOME": "/root"}, "/root", lambda: 0.0)


def out(shell: Shell, script: str) -> str:
    result = shell.run(script)
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("X=1 show a", "1 a\n"),
        ("X='a b'; show \"$X\" $X '$X'", "- a b a b $X\n"),
        ("export X=9\nshow", "9\n"),
        ("show a; echo $?", "- a\n7\n"),
        ("show a && echo yes || echo no", "- a\nno\n"),
        ("echo $(cat three | head -1) > f; cat f", "one\n"),
        ("cat three | grep t | wc -l", "2\n"),
        ("grep -c o three; grep -n two three; grep -v o three", "2\n2:two\nthree\n"),
        ("cat <<EOF > f\n$HOME\nEOF\ncat <<'EOF' >> f\n$HOME\nEOF\ncat f", "/root\n$HOME\n"),
        ("sed -i 's/two/2/; s#one#/1/#' three; cat three", "/1/\n2\nthree\n"),
        ("sed -n '2p' three; sed '/t/d' three", "two\none\n"),
        ("mkdir -p a/b; cp three a/b/; ls a a/b", "a:\nb\n\na/b:\nthree\n"),
        ("cd /etc; pwd; cd; pwd", "/etc\n/root\n"),
        ("mv three /tmp/; ls; ls /tmp", "three\n"),
        ("echo a \\\n  b # comment", "a b\n"),
        ("head -2 three | tail -1; sort -r three | head -1", "two\ntwo\n"),
        ("cut -d: -f2 <<EOF\nx:y:z\nEOF", "y\n"),
        ("ls /root/th*", "/root/three\n"),
    ],
)
def test_scripts(shell: Shell, script: str, wanted: str) -> None:
    assert out(shell, script) == wanted


@pytest.mark.parametrize(
    ("script", "exit", "wanted"),
    [
        ("nothing", 127, "bash: nothing: command not found\n"),
        ("cat nothing", 1, "cat: nothing: No such file or directory\n"),
        ("ls nothing", 2, "ls: cannot access 'nothing': No such file or directory\n"),
        ("cp nothing x", 1, "cp: cannot stat 'nothing': No such file or directory\n"),
        ("cp /etc /tmp", 1, "cp: -r not specified; omitting directory '/etc'\n"),
        ("rm /etc", 1, "rm: cannot remove '/etc': Is a directory\n"),
        ("rm nothing", 1, "rm: cannot remove 'nothing': No such file or directory\n"),
        ("mkdir /etc", 1, "mkdir: cannot create directory ‘/etc’: File exists\n"),
        ("mkdir a/b", 1, "mkdir: cannot create directory ‘a/b’: No such file or directory\n"),
        ("cd nothing", 1, "bash: cd: nothing: No such file or directory\n"),
        ("cat three > no/where", 1, "bash: no/where: No such file or directory\n"),
        ("grep nothing three", 1, ""),
    ],
)
def test_errors(shell: Shell, script: str, exit: int, wanted: str) -> None:
    result = shell.run(script)
    assert (result.exit, result.stderr) == (exit, wanted)


def test_variables_and_the_folder_stay(shell: Shell) -> None:
    shell.run("export X=1; cd /tmp")
    assert out(shell, "pwd; show") == "/tmp\n1\n"
    assert out(shell, "unset X; show") == "-\n"
