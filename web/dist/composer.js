import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useRef } from 'preact/hooks';
import { EmojiPicker } from './emoji.js';
import { bytes } from './files_text.js';
import { t } from './i18n.js';
import { myId, preview } from './names.js';
import { client, recording, watch } from './state.js';
import { Dialog, Icon, IconButton } from './ui.js';
import { isTouch, most, tooLong, useComposer } from './use_composer.js';
import { Recording } from './voice.js';
import { Tray } from './waiting.js';
import { addFiles, dropAbout } from './writing.js';
export function Composer({ state }) {
    watch(`chat:${state.id}`, 'session');
    const composing = useComposer(state);
    const hasFiles = client.contacts.lets(state, 'send files');
    const { now: { reply, edit, files }, emoji, limit, mention, set } = composing;
    const isRecording = recording.value?.chat === state.id;
    const about = reply ?? edit;
    return (_jsxs("form", { class: "composer", onSubmit: (event) => { event.preventDefault(); composing.send(); }, children: [mention.list, about && _jsx(About, { row: about, isEdit: !!edit, onClose: () => dropAbout(state.id) }), files.length > 0 && (_jsx("div", { class: "about-files", children: _jsx(Tray, { files: files, onRemove: (file) => set({ files: files.filter((one) => one !== file) }) }) })), limit.isNear && _jsx(Limit, { ...limit }), _jsxs("div", { class: "composer-row", children: [isRecording
                        ? _jsx(Recording, {})
                        : _jsx(Tools, { chat: state.id, hasFiles: hasFiles, onEmoji: () => { emoji.value = true; } }), _jsx(Area, { chat: state.id, composing: composing, isHidden: isRecording }), _jsx(SendButton, { isEmpty: composing.isEmpty, isEdit: !!edit, isRecording: isRecording, hasVoice: hasFiles, voice: composing.voice })] }), emoji.value && (_jsx(Dialog, { title: t('emoji'), onClose: () => { emoji.value = false; }, class: "emoji-dialog", children: _jsx(EmojiPicker, { onPick: composing.insert }) }))] }));
}
function Area({ chat, composing, isHidden }) {
    return (_jsx("textarea", { hidden: isHidden, ref: composing.area, rows: 1, dir: "auto", value: composing.now.body, placeholder: t('composer.hint'), "aria-label": t('composer.hint'), enterkeyhint: isTouch ? 'enter' : 'send', onInput: (event) => composing.write(event.currentTarget.value), onKeyDown: composing.onKeyDown, onBlur: composing.onBlur, onPaste: (event) => {
            const pasted = filesIn(event.clipboardData);
            if (!pasted.length)
                return;
            event.preventDefault();
            addFiles(chat, pasted);
        } }));
}
function SendButton({ isEmpty, isEdit, isRecording, hasVoice, voice }) {
    const isMic = isEmpty && !isEdit && !isRecording && hasVoice;
    const isVoice = isMic || isRecording;
    const label = t(isMic ? 'file.record' : isEdit ? 'save' : 'send');
    return (_jsx("button", { type: isVoice ? 'button' : 'submit', class: `icon-button ${isMic ? 'mic' : 'send'}`, title: label, "aria-label": label, disabled: isEmpty && !isVoice, onClick: isVoice ? voice.onClick : undefined, onContextMenu: isVoice ? (event) => event.preventDefault() : undefined, onPointerDown: (event) => {
            if (isVoice)
                voice.onPointerDown(event);
            else
                event.preventDefault();
        }, children: _jsx(Icon, { name: isMic ? 'mic' : isEdit ? 'check' : 'send' }) }));
}
function Tools({ chat, hasFiles, onEmoji }) {
    const input = useRef(null);
    return (_jsxs(_Fragment, { children: [_jsx(IconButton, { icon: "smile", label: t('emoji'), onClick: onEmoji }), hasFiles && (_jsx(IconButton, { icon: "paperclip", label: t('file.attach'), onClick: () => input.current?.click() })), _jsx("input", { ref: input, type: "file", multiple: true, hidden: true, "aria-label": t('file.attach'), onChange: (event) => {
                    addFiles(chat, event.currentTarget.files ?? []);
                    event.currentTarget.value = '';
                } })] }));
}
function filesIn(data) {
    const isText = data?.types.includes('text/plain') && data.types.includes('text/html');
    return isText ? [] : [...data?.files ?? []];
}
function Limit({ bytes: size, isOver }) {
    return (_jsx("p", { class: `composer-limit ${isOver ? 'over' : ''}`, role: "status", children: isOver ? tooLong(size) : t('composer.room', { n: bytes(most() - size) }) }));
}
function About({ row, isEdit, onClose }) {
    const name = row.from === myId() ? t('you') : row.from_name;
    return (_jsxs("div", { class: "about", children: [_jsx(Icon, { name: isEdit ? 'pencil' : 'reply' }), _jsxs("span", { class: "about-text", children: [_jsx("span", { class: "about-head", dir: "auto", children: isEdit ? t('edit') : t('replying', { name }) }), _jsx("span", { class: "about-body", dir: "auto", children: preview(row) })] }), _jsx(IconButton, { icon: "x", label: t('cancel'), onClick: onClose })] }));
}
