import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { MAX_BODY_BYTES } from 'wechat-sdk';
import { fold } from './chats.js';
import { chosenIn, room } from './draft.js';
import { EmojiPicker } from './emoji.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { myId, preview } from './names.js';
import { client, say } from './state.js';
import { Avatar, Dialog, Icon, IconButton } from './ui.js';
import { Recording, recording, useVoice } from './voice.js';
import { Tray } from './waiting.js';
import { addFiles, clear, composer, dropAbout, editRow, ready, saveEdit, writing } from './writing.js';
const TYPING_EVERY_MS = 3_000;
const isTouch = matchMedia('(pointer: coarse)').matches;
export function Composer({ state }) {
    const now = writing(state.id);
    const { body, reply, edit, files } = now.value;
    const area = useRef(null);
    const emoji = useSignal(false);
    const typed = useRef(0);
    const mention = useMention(state, area);
    const set = (change) => { now.value = { ...now.value, ...change }; };
    useEffect(() => {
        composer.focus = () => area.current?.focus();
        if (!isTouch)
            area.current?.focus();
        return () => { composer.focus = () => undefined; };
    }, [state.id]);
    useEffect(() => { if (area.current)
        fit(area.current); }, [body]);
    const write = (text) => {
        set({ body: text });
        mention.look();
        if (!text || edit || Date.now() - typed.current < TYPING_EVERY_MS)
            return;
        typed.current = Date.now();
        client.typing(state.id, true);
    };
    const send = async () => {
        const text = body.trim();
        if (isEmpty)
            return;
        if (limit.isOver)
            return say(tooLong(limit.bytes), true);
        typed.current = 0;
        area.current?.focus();
        if (edit)
            return saveEdit(state.id, text);
        const answer = reply ? { reply_to: reply.seq } : {};
        const message = { body: text, mentions: chosenIn(text, now.value.mentions), files: [...files], ...answer };
        const kept = files.length ? null : client.send(state.id, message);
        clear(state.id);
        if (!kept)
            await ready(files);
        await (kept ?? client.send(state.id, message));
    };
    const limit = room(body.trim(), MAX_BODY_BYTES);
    const isEmpty = !body.trim() && !files.length && !(edit && attachmentsOf(edit).length);
    const isRecording = recording.value?.chat === state.id;
    const voice = useVoice(state.id, (file) => {
        const answer = reply ? { reply_to: reply.seq } : {};
        clear(state.id);
        void client.send(state.id, { body: '', files: [file], ...answer });
    });
    const onKeyDown = (event) => {
        if (mention.onKeyDown(event))
            return;
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !isTouch) {
            event.preventDefault();
            void send();
        }
        else if (event.key === 'Escape' && (reply || edit)) {
            event.stopPropagation();
            dropAbout(state.id);
        }
        else if (event.key === 'ArrowUp' && !body && !edit) {
            const mine = state.messages.findLast((row) => row.from === myId() && row.kind === 'text');
            if (mine) {
                event.preventDefault();
                editRow(mine);
            }
        }
    };
    const insert = (text) => {
        emoji.value = false;
        const box = area.current;
        const at = box?.selectionStart ?? body.length;
        set({ body: body.slice(0, at) + text + body.slice(box?.selectionEnd ?? at) });
        box?.focus();
    };
    return (_jsxs("form", { class: "composer", onSubmit: (event) => { event.preventDefault(); void send(); }, children: [mention.list, (reply ?? edit) && (_jsx(About, { row: (reply ?? edit), isEdit: !!edit, onClose: () => dropAbout(state.id) })), files.length > 0 && (_jsx("div", { class: "about-files", children: _jsx(Tray, { files: files, onRemove: (file) => set({ files: files.filter((one) => one !== file) }) }) })), limit.isNear && _jsx(Limit, { ...limit }), _jsxs("div", { class: "composer-row", children: [isRecording ? _jsx(Recording, {}) : _jsx(Tools, { chat: state.id, onEmoji: () => { emoji.value = true; } }), _jsx("textarea", { hidden: isRecording, ref: area, rows: 1, dir: "auto", value: body, placeholder: t('composer.hint'), "aria-label": t('composer.hint'), enterkeyhint: isTouch ? 'enter' : 'send', onInput: (event) => write(event.currentTarget.value), onKeyDown: onKeyDown, onPaste: (event) => {
                            const pasted = filesIn(event.clipboardData);
                            if (!pasted.length)
                                return;
                            event.preventDefault();
                            addFiles(state.id, pasted);
                        }, onBlur: () => { if (typed.current)
                            client.typing(state.id, false); typed.current = 0; } }), _jsx(SendButton, { isEmpty: isEmpty, isEdit: !!edit, isRecording: isRecording, voice: voice })] }), emoji.value && (_jsx(Dialog, { title: t('emoji'), onClose: () => { emoji.value = false; }, class: "emoji-dialog", children: _jsx(EmojiPicker, { onPick: insert }) }))] }));
}
function SendButton({ isEmpty, isEdit, isRecording, voice }) {
    const isMic = isEmpty && !isEdit && !isRecording;
    const isVoice = isMic || isRecording;
    const label = t(isMic ? 'file.record' : isEdit ? 'save' : 'send');
    return (_jsx("button", { type: isVoice ? 'button' : 'submit', class: `icon-button ${isMic ? 'mic' : 'send'}`, title: label, "aria-label": label, disabled: isEmpty && !isVoice, onClick: isVoice ? voice.onClick : undefined, onContextMenu: isVoice ? (event) => event.preventDefault() : undefined, onPointerDown: (event) => {
            if (isVoice)
                voice.onPointerDown(event);
            else
                event.preventDefault();
        }, children: _jsx(Icon, { name: isMic ? 'mic' : isEdit ? 'check' : 'send' }) }));
}
function Tools({ chat, onEmoji }) {
    const input = useRef(null);
    return (_jsxs(_Fragment, { children: [_jsx(IconButton, { icon: "smile", label: t('emoji'), onClick: onEmoji }), _jsx(IconButton, { icon: "paperclip", label: t('file.attach'), onClick: () => input.current?.click() }), _jsx("input", { ref: input, type: "file", multiple: true, hidden: true, "aria-label": t('file.attach'), onChange: (event) => {
                    addFiles(chat, event.currentTarget.files ?? []);
                    event.currentTarget.value = '';
                } })] }));
}
function filesIn(data) {
    const isText = data?.types.includes('text/plain') && data.types.includes('text/html');
    return isText ? [] : [...data?.files ?? []];
}
function fit(area) {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
}
const tooLong = (size) => t('composer.too_long', { n: bytes(size - MAX_BODY_BYTES), all: bytes(MAX_BODY_BYTES) });
function Limit({ bytes: size, isOver }) {
    return (_jsx("p", { class: `composer-limit ${isOver ? 'over' : ''}`, role: "status", children: isOver ? tooLong(size) : t('composer.room', { n: bytes(MAX_BODY_BYTES - size) }) }));
}
function About({ row, isEdit, onClose }) {
    return (_jsxs("div", { class: "about", children: [_jsx(Icon, { name: isEdit ? 'pencil' : 'reply' }), _jsxs("span", { class: "about-text", children: [_jsx("span", { class: "about-head", dir: "auto", children: isEdit ? t('edit') : t('replying', { name: row.from === myId() ? t('you') : row.from_name }) }), _jsx("span", { class: "about-body", dir: "auto", children: preview(row) })] }), _jsx(IconButton, { icon: "x", label: t('cancel'), onClick: onClose })] }));
}
function useMention(state, area) {
    const query = useSignal(null);
    const people = useSignal([]);
    const chosen = useSignal(0);
    const isGroup = state.chat.kind === 'group';
    const look = () => {
        const box = area.current;
        const before = box?.value.slice(0, box.selectionStart) ?? '';
        const found = isGroup ? /(?:^|\s)@([^\s@]{0,30})$/u.exec(before) : null;
        query.value = found ? found[1] ?? '' : null;
        chosen.value = 0;
        if (found && !people.value.length) {
            void client.rest.get(`/groups/${state.id}/members`, { limit: 100 }).then((page) => { people.value = page.members.filter(({ user }) => user.id !== myId()); }, () => undefined);
        }
    };
    const shown = query.value === null ? [] : people.value
        .filter(({ user }) => fold(user.name).includes(fold(query.value ?? ''))).slice(0, 6);
    const pick = (member) => {
        const box = area.current;
        if (!box)
            return;
        const end = box.selectionStart;
        const begin = box.value.lastIndexOf('@', end - 1);
        const { name, id } = member.user;
        const now = writing(state.id);
        const body = `${box.value.slice(0, begin)}@${name} ${box.value.slice(end)}`;
        now.value = { ...now.value, body, mentions: new Map(now.value.mentions).set(name, id) };
        query.value = null;
        box.focus();
    };
    const onKeyDown = (event) => {
        if (!shown.length)
            return false;
        if (event.key === 'ArrowDown')
            chosen.value = (chosen.value + 1) % shown.length;
        else if (event.key === 'ArrowUp')
            chosen.value = (chosen.value + shown.length - 1) % shown.length;
        else if (event.key === 'Escape')
            query.value = null;
        else if (event.key === 'Enter' || event.key === 'Tab')
            pick(shown[chosen.value]);
        else
            return false;
        event.preventDefault();
        event.stopPropagation();
        return true;
    };
    const list = shown.length ? (_jsx("ul", { class: "mention-list", role: "listbox", "aria-label": t('mention'), children: shown.map((member, at) => (_jsxs("li", { role: "option", "aria-selected": at === chosen.value, onPointerDown: (event) => { event.preventDefault(); pick(member); }, children: [_jsx(Avatar, { id: member.user.id, name: member.user.name, size: "s" }), _jsx("span", { dir: "auto", children: member.user.name })] }, member.user.id))) })) : null;
    return { list, look, onKeyDown };
}
