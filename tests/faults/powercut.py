"""The load on a server that is about to lose power, and the check afterwards.

powercut.py load    signs two people up, sends from many connections at once, and prints a line of
                    JSON for each acknowledged message
powercut.py verify  starts SERVER (a shell command) on what the cut left, and compares

For `scripts/powercut`, which sets WORK and ACKED; PORT and MAIL_DIR are the server's. Verify ends
with 0 when nothing is lost, and with 3 when something acknowledged is lost or changed.
"""

import http.client
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

PATIENCE_S = 30
SENDERS = 16
LOST = 3
PORT = int(os.environ["PORT"])


class Api:
    """One connection to the server."""

    def __init__(self, token=None):
        self.http = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE_S)
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method, path, body=None):
        """Status and answer."""
        self.http.request(method, path, json.dumps(body) if body else None, self.headers)
        answer = self.http.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text

    def must(self, method, path, body=None):
        """An answer that is not a refusal."""
        status, answer = self.ask(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer}")
        return answer


def until(question, what):
    """Asks until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise SystemExit(f"no {what} within {PATIENCE_S} s")


def is_ready():
    try:
        return Api().ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


def code_for(email):
    """The code in the mail to somebody."""
    for mail in pathlib.Path(os.environ["MAIL_DIR"]).glob("*.eml"):
        text = mail.read_text()
        code = re.search(r"^Subject: (\d{6})\b", text, re.MULTILINE)
        if email in text and code:
            return code[1]
    return None


def sign_up(name):
    """Id and token of a new account."""
    email = f"{name.lower()}@example.org"
    Api().must("POST", "/api/v1/users", {"name": name, "email": email})
    code = until(lambda: code_for(email), f"mail to {email}")
    session = {"email": email, "code": code, "device": "powercut"}
    opened = Api().must("POST", "/api/v1/auth/sessions", session)
    user = opened["user"]
    return user["id"] if isinstance(user, dict) else user, opened["token"]


def send_on(token, chat, sender, printing):
    """Sends until the power is gone, printing what was acknowledged."""
    api = Api(token)
    for number in itertools.count():
        key = f"s{sender}-{number}"
        body = f"{key} " + "x" * (number * 37 % 700)
        try:
            sent = api.must(
                "POST", f"/api/v1/chats/{chat}/messages", {"client_msg_id": key, "body": body}
            )
        except (OSError, http.client.HTTPException):
            return
        seq = sent["message"]["seq"]
        line = json.dumps({"token": token, "chat": chat, "key": key, "seq": seq, "body": body})
        with printing:
            print(line, flush=True)


def load():
    until(is_ready, "ready server")
    (_, ana), (beto_id, _) = sign_up("Ana"), sign_up("Beto")
    api = Api(ana)
    group = api.must("POST", "/api/v1/groups", {"title": "Faults", "members": [beto_id]})
    chats = [beto_id, (group.get("chat") or group)["id"]]
    printing = threading.Lock()
    for sender in range(SENDERS):
        arguments = (ana, chats[sender % 2], sender, printing)
        threading.Thread(target=send_on, args=arguments).start()


def history(token, chat):
    """All rows of a chat; none when the server knows nothing of it."""
    api, rows = Api(token), []
    while True:
        after = rows[-1]["seq"] if rows else 0
        status, page = api.ask("GET", f"/api/v1/chats/{chat}/messages?after={after}&limit=200")
        if status in (401, 403, 404) or (status == 200 and not page["messages"]):
            return rows
        if status != 200:
            raise SystemExit(f"history: {status} {page}")
        rows += page["messages"]


def wrongs(acked):
    """What is not as it was acknowledged, one text each."""
    for token, chat in {(row["token"], row["chat"]) for row in acked}:
        rows = history(token, chat)
        if [row["seq"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"chat {chat} has gaps"
        found = {}
        for row in rows:
            found.setdefault(row.get("client_msg_id"), []).append((row["seq"], row.get("body")))
        for row in acked:
            if row["chat"] == chat and found.get(row["key"]) != [(row["seq"], row["body"])]:
                yield f"{row['key']} at {row['seq']}: {found.get(row['key'])}"


def complete_rows(text):
    """The last line may be cut short: the load is ended in the middle of its work."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def verify(command):
    acked = complete_rows(pathlib.Path(os.environ["ACKED"]).read_text())
    with open(os.path.join(os.environ["WORK"], "after.log"), "w") as log:
        server = subprocess.Popen(
            ["bash", "-c", command], stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: server.poll() is not None or is_ready(), "ready server after the cut")
        if server.poll() is not None:
            print(f"the server does not start on what is left of {len(acked)}", file=sys.stderr)
            return LOST
        wrong = list(wrongs(acked))
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    for text in wrong[:3]:
        print(text, file=sys.stderr)
    print(f"{len(acked)} acknowledged, {len(wrong)} lost or changed", file=sys.stderr)
    return LOST if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load()
    else:
        sys.exit(verify(os.environ["SERVER"]))
