"""Prints ours : theirs from what `scripts/peers` has measured: medians over the rounds.

Files are ROW.SERVER.ROUND.json, by loadgen; rows are compared phase by phase, where the names are
the same. `relay` is what `scripts/relay --cpu` printed.
"""

import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

MEMORY = 'anonymous memory a connection, bytes'


def cost(phase):
    """CPU an operation, the database's with it, in microseconds."""
    own = phase['server_cpu_us']
    return None if own is None else own + (phase['database_cpu_us'] or 0)


def quantile(phase, name):
    """A quantile of the time to delivery, or of the only time that was measured."""
    times = phase['latencies']
    found = times.get('due to delivered') or next(iter(times.values()), None)
    return found and found[name]


def rate(phase):
    """Operations a second, where that was left to the server."""
    is_given = 'a second' in phase['name'] or phase['name'] == 'hold'
    return None if is_given else phase['rate']


def ratio(ours, theirs):
    """With the smaller one as 1."""
    if not ours or not theirs:
        return '-'
    return f'1 : {theirs / ours:.1f}' if ours < theirs else f'{ours / theirs:.2f} : 1'


FIGURES = {
    'CPU, µs': cost,
    'a second': rate,
    'p50, µs': lambda phase: quantile(phase, 'p50_us'),
    'p99, µs': lambda phase: quantile(phase, 'p99_us'),
    'memory, bytes': lambda phase: phase['figures'].get(MEMORY),
}


def read(folder):
    """Values by row, phase, figure and server; and the machine."""
    values = defaultdict(lambda: defaultdict(list))
    machine = None
    for path in sorted(folder.glob('*.json')):
        row, server, _ = path.name.split('.', 2)
        report = json.loads(path.read_text())['reports'][0][0]
        machine = report['machine']
        for phase in report['phases']:
            for figure, of in FIGURES.items():
                if (value := of(phase)) is not None:
                    values[row, phase['name'], figure][server].append(value)
            if bare := phase['bare']:
                values[row, phase['name'], 'CPU, µs']['bare epoll'].append(bare['cpu_us'])
    return values, machine


def add_relay(path, values):
    """Adds the CPU of relayed packets, ours and coturn's by turns."""
    line = re.compile(r'^(ours|coturn) +(\w+) +(\d+) B, bursts of +(\d+): +([0-9.]+) µs')
    for text in path.read_text().splitlines():
        if found := line.match(text):
            server, way, size, burst, cost_us = found.groups()
            phase = f'{way}, {size} bytes, {burst} at once'
            values['relay', phase, 'CPU, µs'][server].append(float(cost_us))


def main():
    folder = Path(sys.argv[1])
    values, machine = read(folder)
    if (folder / 'relay').exists():
        add_relay(folder / 'relay', values)
    if machine:
        print(f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}")
    for (row, phase, figure), servers in values.items():
        ours = statistics.median(servers.pop('ours', [0]))
        for server, found in servers.items():
            theirs = statistics.median(found)
            print(f'{row:<8} {phase:<28} {figure:<14} ours {ours:>10.2f}  '
                  f'{server:<10} {theirs:>10.2f}  {ratio(ours, theirs):>10}')


main()
