import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { bytes } from './files_text.js';
import { date, full } from './format.js';
import { lang, t } from './i18n.js';
import { attempt, client } from './state.js';
import { Choice, Spinner } from './ui.js';
const HOUR_MS = 3_600_000;
const LENGTHS = { hour: HOUR_MS, day: 24 * HOUR_MS };
const RANGES = [
    ['day', 'hour', 24], ['week', 'hour', 168], ['quarter', 'day', 90], ['year', 'day', 366],
];
const plain = (value) => value.toLocaleString(lang.value);
const KINDS = [
    { name: 'admin.people', isCount: false, of: (row) => row.people, say: plain },
    {
        name: 'admin.messages', isCount: true, say: plain,
        of: (row, before) => (before ? Math.max(0, row.messages - before.messages) : null),
    },
    { name: 'admin.calls', isCount: true, of: (row) => row.calls, say: plain },
    { name: 'admin.files', isCount: false, of: (row) => row.file_bytes, say: bytes },
    { name: 'admin.errors', isCount: true, of: (row) => row.errors, say: plain },
];
export function Charts({ now }) {
    const range = useSignal(RANGES[1]);
    const found = useSignal(null);
    const [, span, last] = range.value;
    useEffect(() => {
        const asked = client.rest.get('/operator/trends', { span, last: last + 1 });
        void attempt(asked).then((trends) => { if (trends)
            found.value = trends; });
    }, [range.value]);
    const trends = found.value;
    return (_jsxs("section", { class: "charts", "aria-label": t('admin.trends'), children: [_jsx(Choice, { label: t('admin.trends'), icon: "chart-column", value: range.value[0], options: RANGES.map(([name]) => [name, t(`admin.trends.${name}`)]), onChange: (name) => {
                    range.value = RANGES.find(([known]) => known === name) ?? RANGES[0];
                } }), trends?.span !== span ? _jsx("div", { class: "empty", children: _jsx(Spinner, {}) }) : (_jsx("div", { class: "chart-grid", children: KINDS.map((kind) => (_jsx(Chart, { kind: kind, span: span, points: points(kind, trends, last, now) }, kind.name))) }))] }));
}
function points(kind, { span, rows }, last, now) {
    const length = LENGTHS[span];
    const known = new Map(rows.map((row) => [Date.parse(row.at), row]));
    const newest = Math.floor(client.now() / length) * length;
    const latest = known.get(newest);
    if (latest)
        known.set(newest, { ...latest, ...now });
    return Array.from({ length: last }, (_, place) => {
        const at = newest - (last - 1 - place) * length;
        const row = known.get(at);
        return { at, value: row ? kind.of(row, known.get(at - length)) : null };
    });
}
function Chart({ kind, span, points: all }) {
    const isOpen = useSignal(false);
    const name = t(kind.name);
    const there = all.filter(({ value }) => value !== null);
    const most = Math.max(0, ...there.map(({ value }) => value));
    const sum = there.reduce((whole, { value }) => whole + value, 0);
    const now = kind.isCount ? sum : there.at(-1)?.value ?? 0;
    const when = (at) => (span === 'hour' ? full(at) : date(at));
    const [first, latest] = [all[0]?.at ?? 0, all.at(-1)?.at ?? 0];
    return (_jsxs("figure", { class: "card chart", children: [_jsxs("figcaption", { children: [_jsx("span", { children: name }), _jsx("b", { children: kind.say(now) })] }), _jsx("small", { class: "dim chart-most", children: kind.say(most) }), _jsx("svg", { viewBox: `0 0 ${all.length} 100`, preserveAspectRatio: "none", role: "img", "aria-label": t('admin.chart', { name, now: kind.say(now), most: kind.say(most) }), children: kind.isCount
                    ? _jsx(Bars, { all: all, most: most || 1, say: ({ at, value }) => `${when(at)}: ${kind.say(value)}` })
                    : _jsx("path", { class: "chart-line", d: line(all, most || 1), "vector-effect": "non-scaling-stroke" }) }), _jsxs("small", { class: "dim chart-ends", children: [_jsx("span", { children: when(first) }), _jsx("span", { children: when(latest) })] }), _jsxs("details", { onToggle: (event) => { isOpen.value = event.currentTarget.open; }, children: [_jsx("summary", { children: t('admin.chart.table') }), isOpen.value && _jsx(Table, { name: name, there: there, when: when, say: kind.say })] })] }));
}
function Bars({ all, most, say }) {
    return (_jsx(_Fragment, { children: all.map(({ at, value }, place) => (value ? (_jsx("rect", { x: place + 0.1, width: 0.8, y: 100 - value / most * 100, height: value / most * 100, children: _jsx("title", { children: say({ at, value }) }) }, at)) : null)) }));
}
function line(all, most) {
    let path = '';
    let isDrawn = false;
    for (const [place, { value }] of all.entries()) {
        if (value !== null) {
            const y = 98 - value / most * 96;
            path += isDrawn ? `H${place + 1}V${y}` : `M${place} ${y}`;
            path += `H${place + 1}`;
        }
        isDrawn = value !== null;
    }
    return path;
}
function Table({ name, there, when, say }) {
    return (_jsx("div", { class: "chart-table", tabIndex: 0, role: "region", "aria-label": name, children: _jsxs("table", { children: [_jsx("thead", { children: _jsxs("tr", { children: [_jsx("th", { scope: "col", children: t('admin.chart.time') }), _jsx("th", { scope: "col", children: name })] }) }), _jsx("tbody", { children: [...there].reverse().map(({ at, value }) => (_jsxs("tr", { children: [_jsx("th", { scope: "row", children: when(at) }), _jsx("td", { children: say(value) })] }, at))) })] }) }));
}
