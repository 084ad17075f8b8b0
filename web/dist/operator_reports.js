import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { full } from './format.js';
import { t } from './i18n.js';
import { List, usePages } from './operator_parts.js';
import { Link } from './row_buttons.js';
import { attempt, client, say } from './state.js';
import { Choice, Icon, Spinner } from './ui.js';
const STAGES = ['open', 'taken', 'answered'];
const why = ({ report }) => t(`report.${report.reason}`);
export function Reports() {
    const stage = useSignal('open');
    const pages = usePages(async (after) => {
        const query = { stage: stage.peek(), after };
        const found = await client.rest.get('/operator/reports', query);
        return { rows: found.reports, next: found.next };
    }, stage.value);
    return (_jsxs(_Fragment, { children: [_jsx(Choice, { label: t('admin.reports'), icon: "flag", value: stage.value, options: STAGES.map((one) => [one, t(`admin.reports.${one}`)]), onChange: (value) => { stage.value = value; } }), _jsx(List, { pages: pages, icon: "flag", none: t('admin.reports.none'), children: (row) => (_jsxs("a", { class: "row-button member", href: `#/admin/reports/${row.report.id}`, children: [_jsx(Icon, { name: "flag" }), _jsxs("span", { class: "grow two-lines", children: [_jsx("span", { dir: "auto", children: row.report.name || t('user.deleted') }), _jsxs("small", { class: "dim", children: [why(row), " \u00B7 ", full(row.report.created)] })] })] }, row.report.id)) })] }));
}
export function ReportPage({ id }) {
    const found = useSignal(null);
    const path = `/operator/reports/${id}`;
    const look = async () => {
        found.value = await attempt(client.rest.get(path)) ?? found.value;
    };
    useEffect(() => { void look(); }, [id]);
    if (!found.value)
        return _jsx("div", { class: "empty", children: _jsx(Spinner, {}) });
    const row = found.value;
    const { report, files = [] } = row;
    const whom = row.author ?? report.user;
    const take = async () => {
        found.value = await attempt(client.rest.post(`${path}/take`)) ?? row;
    };
    return (_jsxs(_Fragment, { children: [_jsxs("dl", { class: "card facts", children: [_jsx("dt", { children: t('report.why') }), _jsx("dd", { children: why(row) }), _jsx("dt", { children: t('admin.reports.when') }), _jsx("dd", { children: full(report.created) }), report.note && _jsxs(_Fragment, { children: [_jsx("dt", { children: t('report.note') }), _jsx("dd", { dir: "auto", children: report.note })] }), _jsx("dt", { children: t('admin.reports.state') }), _jsx("dd", { children: t(`admin.reports.${report.state}`) })] }), (row.text || files.length > 0) && (_jsxs("figure", { class: "card told", children: [_jsx("figcaption", { class: "dim small", dir: "auto", children: report.name }), _jsx("blockquote", { dir: "auto", children: row.text }), files.map((file) => _jsx("p", { class: "dim small", dir: "auto", children: file }, file))] })), _jsxs("div", { class: "card", children: [whom && _jsx(Link, { to: `admin/people/${whom}`, label: t('admin.reports.whom') }), row.by && _jsx(Link, { to: `admin/people/${row.by}`, label: t('admin.reports.by') }), report.group && _jsx(Link, { to: `admin/groups/${report.group}`, label: t('admin.group') })] }), report.state === 'open' && (_jsx("button", { type: "button", class: "button primary wide", onClick: () => void take(), children: t('admin.reports.take') })), report.state === 'taken' && _jsx(Answer, { path: path, onDone: () => void look() }), report.state === 'answered' && report.word && (_jsx("p", { class: "card told", dir: "auto", children: report.word }))] }));
}
function Answer({ path, onDone }) {
    const word = useSignal('');
    const answer = async (verdict) => {
        const body = { verdict, word: word.value.trim() };
        if (await attempt(client.rest.post(`${path}/answer`, body).then(() => true))) {
            say(t('admin.done'));
        }
        onDone();
    };
    return (_jsxs("div", { class: "card form", children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('admin.reports.word') }), _jsx("textarea", { rows: 2, maxLength: 1500, dir: "auto", value: word.value, onInput: (event) => { word.value = event.currentTarget.value; } })] }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => void answer('dismissed'), children: t('admin.reports.dismissed') }), _jsx("button", { type: "button", class: "button primary", onClick: () => void answer('upheld'), children: t('admin.reports.upheld') })] })] }));
}
