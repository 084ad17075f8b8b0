import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { EmojiPicker } from './emoji.js';
import { attachmentsOf } from './files_text.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { chatName, myId, userName } from './names.js';
import { ReportDialog } from './report.js';
import { attempt, client, go, say, watch } from './state.js';
import { Avatar, Dialog, IconButton, Menu, Spinner } from './ui.js';
import { save } from './viewing.js';
import { editRow, replyTo } from './writing.js';
const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🙏'];
export function MessageMenu({ row, state, at, onClose }) {
    const step = useSignal('menu');
    const isMine = row.from === myId();
    const isText = row.kind === 'text';
    const files = isText ? attachmentsOf(row) : [];
    const isManager = state.chat.kind === 'group' && state.member.role !== 'member';
    const react = (emoji) => {
        const on = !row.reactions?.some((one) => one.emoji === emoji && one.users.includes(myId()));
        void attempt(client.react(row, emoji, on));
        onClose();
    };
    switch (step.value) {
        case 'emoji':
            return (_jsx(Dialog, { title: t('react'), onClose: onClose, class: "emoji-dialog", children: _jsx(EmojiPicker, { onPick: react }) }));
        case 'delete': return _jsx(DeleteDialog, { row: row, forAll: isMine || isManager, onClose: onClose });
        case 'forward': return _jsx(ForwardDialog, { row: row, onClose: onClose });
        case 'info': return _jsx(InfoDialog, { row: row, onClose: onClose });
        case 'report':
            return _jsx(ReportDialog, { subject: { chat: row.chat, seq: row.seq }, onClose: onClose });
        default: break;
    }
    const isStep = { now: false };
    const stepping = (next) => () => {
        isStep.now = true;
        step.value = next;
    };
    const mayPin = state.chat.kind === 'direct' || isManager;
    return (_jsx(Menu, { label: t('message'), at: at, onClose: () => queueMicrotask(() => { if (!isStep.now)
            onClose(); }), items: [
            { icon: 'reply', label: t('reply'), onClick: () => replyTo(row) },
            isText && !!row.body && {
                icon: 'copy', label: t('copy'), onClick: () => void copy(row.body ?? ''),
            },
            isText && isMine && { icon: 'pencil', label: t('edit'), onClick: () => editRow(row) },
            isText && { icon: 'forward', label: t('forward'), onClick: stepping('forward') },
            files.length > 0 && {
                icon: 'download', label: t('file.save'), onClick: () => void saveAll(files),
            },
            isText && mayPin && {
                icon: row.pinned ? 'pin-off' : 'pin',
                label: t(row.pinned ? 'unpin' : 'pin'),
                onClick: () => void attempt(client.pin(row, !row.pinned)),
            },
            isMine && { icon: 'info', label: t('message.info'), onClick: stepping('info') },
            isText && !isMine && {
                icon: 'flag', label: t('report'), onClick: stepping('report'), danger: true,
            },
            { icon: 'trash-2', label: t('delete'), onClick: stepping('delete'), danger: true },
        ], children: _jsxs("div", { class: "quick", role: "group", "aria-label": t('react'), children: [QUICK.map((emoji) => (_jsx("button", { type: "button", "aria-label": emoji, onClick: () => react(emoji), children: emoji }, emoji))), _jsx(IconButton, { icon: "plus", label: t('react.more'), onClick: stepping('emoji') })] }) }));
}
async function saveAll(files) {
    for (const file of files)
        await save(file);
}
export async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    }
    catch {
        const area = document.createElement('textarea');
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand('copy');
        area.remove();
    }
    say(t('copied'));
}
function DeleteDialog({ row, forAll, onClose }) {
    const run = (work) => async () => {
        onClose();
        await attempt(work);
    };
    return (_jsxs(Dialog, { title: t('message.delete'), onClose: onClose, class: "confirm", children: [_jsx("p", { children: t(forAll ? 'message.delete.hint' : 'message.hide.hint') }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => void run(client.hide(row))(), children: t('message.hide') }), forAll && (_jsx("button", { type: "button", class: "button danger", onClick: () => void run(client.delete(row))(), children: t('message.delete_all') }))] })] }));
}
function ForwardDialog({ row, onClose }) {
    watch('chats', 'users');
    const send = async (state) => {
        onClose();
        const sent = await attempt(client.forward(row, state.id).then(() => true));
        if (sent)
            go(`chat/${state.id}`);
    };
    return (_jsx(Dialog, { title: t('forward.to'), onClose: onClose, children: _jsx("div", { class: "scroll picker", children: client.store.list().map((state) => (_jsxs("button", { type: "button", class: "chat-row", onClick: () => void send(state), children: [_jsx(Avatar, { id: state.peer(myId()) ?? state.id, name: chatName(state), size: "s" }), _jsx("span", { class: "chat-name", dir: "auto", children: chatName(state) })] }, state.id))) }) }));
}
function InfoDialog({ row, onClose }) {
    const counts = useSignal(null);
    const readers = useSignal(null);
    useEffect(() => {
        const path = `/chats/${row.chat}/messages/${row.seq}`;
        void attempt(client.rest.get(`${path}/receipts`)).then((found) => {
            counts.value = found ?? null;
        });
        void attempt(client.rest.get(`${path}/readers`, { limit: 50 })).then((found) => {
            readers.value = found ?? null;
        });
    }, []);
    return (_jsxs(Dialog, { title: t('message.info'), onClose: onClose, children: [_jsxs("dl", { class: "facts", children: [_jsx("dt", { children: t('info.sent') }), _jsx("dd", { children: full(row.sent) }), row.edited && _jsxs(_Fragment, { children: [_jsx("dt", { children: t('info.edited') }), _jsx("dd", { children: full(row.edited) })] }), counts.value && (_jsxs(_Fragment, { children: [_jsx("dt", { children: t('state.delivered') }), _jsxs("dd", { children: [counts.value.delivered, " / ", counts.value.members] }), _jsx("dt", { children: t('state.read') }), _jsxs("dd", { children: [counts.value.read, " / ", counts.value.members] })] }))] }), !counts.value && _jsx(Spinner, {}), readers.value?.users.map((id) => (_jsxs("p", { class: "person-line", children: [_jsx(Avatar, { id: id, name: userName(id), size: "s" }), " ", userName(id)] }, id)))] }));
}
