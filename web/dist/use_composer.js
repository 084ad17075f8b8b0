import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { chosenIn, room } from './draft.js';
import { attachmentsOf, bytes } from './files_text.js';
import { t } from './i18n.js';
import { useMention } from './mention.js';
import { myId } from './names.js';
import { client, limits, say } from './state.js';
import { useVoice } from './voice.js';
import { clear, composer, dropAbout, editRow, ready, saveEdit, writing } from './writing.js';
const TYPING_EVERY_MS = 3_000;
export const isTouch = matchMedia('(pointer: coarse)').matches;
export function useComposer(state) {
    const all = writing(state.id);
    const now = all.value;
    const { body, edit, files } = now;
    const area = useRef(null);
    const emoji = useSignal(false);
    const typing = useTyping(state.id);
    const mention = useMention(state, area);
    const voice = useVoice(state.id, (file) => sendVoice(state.id, all.value, file));
    const set = (change) => { all.value = { ...all.value, ...change }; };
    const limit = room(body.trim(), most());
    const isEmpty = !body.trim() && !files.length && !(edit && attachmentsOf(edit).length);
    useFocus(state.id, area, body);
    const write = (text) => {
        set({ body: text });
        mention.look();
        if (text && !edit)
            typing.goesOn();
    };
    const send = () => {
        if (isEmpty)
            return;
        if (limit.isOver)
            return say(tooLong(limit.bytes), true);
        typing.isSent();
        area.current?.focus();
        void (edit ? saveEdit(state.id, body.trim()) : sendText(state.id, all.value));
    };
    const onKeyDown = (event) => {
        if (!mention.onKeyDown(event))
            pressed(event, state, now, send);
    };
    const insert = (text) => {
        emoji.value = false;
        const box = area.current;
        const at = box?.selectionStart ?? body.length;
        set({ body: body.slice(0, at) + text + body.slice(box?.selectionEnd ?? at) });
        box?.focus();
    };
    return {
        now, area, mention, voice, emoji, limit, isEmpty, set, write, insert, send, onKeyDown,
        onBlur: typing.ends,
    };
}
function useTyping(chat) {
    const typed = useRef(0);
    return {
        goesOn: () => {
            if (Date.now() - typed.current < TYPING_EVERY_MS)
                return;
            typed.current = Date.now();
            client.typing(chat, true);
        },
        isSent: () => { typed.current = 0; },
        ends: () => {
            if (typed.current)
                client.typing(chat, false);
            typed.current = 0;
        },
    };
}
function useFocus(chat, area, body) {
    useEffect(() => {
        composer.focus = () => area.current?.focus();
        if (!isTouch)
            area.current?.focus();
        return () => { composer.focus = () => undefined; };
    }, [chat]);
    useEffect(() => {
        const box = area.current;
        if (!box)
            return;
        box.style.height = 'auto';
        box.style.height = `${box.scrollHeight}px`;
    }, [body]);
}
const answerTo = ({ reply }) => (reply ? { reply_to: reply.seq } : {});
async function sendText(chat, now) {
    const body = now.body.trim();
    const files = [...now.files];
    const message = { body, mentions: chosenIn(body, now.mentions), files, ...answerTo(now) };
    const kept = files.length ? null : client.send(chat, message);
    clear(chat);
    if (!kept)
        await ready(files);
    await (kept ?? client.send(chat, message));
}
function sendVoice(chat, now, file) {
    const answer = answerTo(now);
    clear(chat);
    void client.send(chat, { body: '', files: [file], ...answer });
}
function pressed(event, state, now, send) {
    const { body, reply, edit } = now;
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !isTouch) {
        event.preventDefault();
        send();
    }
    else if (event.key === 'Escape' && (reply || edit)) {
        event.stopPropagation();
        dropAbout(state.id);
    }
    else if (event.key === 'ArrowUp' && !body && !edit) {
        const mine = state.messages.findLast((row) => row.from === myId() && row.kind === 'text');
        if (!mine)
            return;
        event.preventDefault();
        editRow(mine);
    }
}
export const most = () => limits()?.message_bytes ?? Infinity;
export const tooLong = (size) => t('composer.too_long', { n: bytes(size - most()), all: bytes(most()) });
