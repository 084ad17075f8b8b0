import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { FileIcon } from './files.js';
import { bytes, guessed } from './files_text.js';
import { duration } from './format.js';
import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Icon, IconButton } from './ui.js';
const SHOWN = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
function useLooks(file) {
    const url = useSignal('');
    const looks = file.poster ?? (SHOWN.test(file.blob.type) && file.kind === 'auto' ? file.blob : null);
    useEffect(() => {
        if (!looks) {
            url.value = '';
            return undefined;
        }
        const made = URL.createObjectURL(looks);
        url.value = made;
        return () => URL.revokeObjectURL(made);
    }, [looks]);
    return url.value;
}
export function Tray({ files, onRemove }) {
    return (_jsx("ul", { class: "tray", "aria-label": t('file.chosen'), children: files.map((file, at) => _jsx(TrayFile, { file: file, onRemove: () => onRemove(file) }, at)) }));
}
function TrayFile({ file, onRemove }) {
    const url = useLooks(file);
    return (_jsxs("li", { title: file.name, class: url ? 'tray-picture' : '', children: [url ? _jsx("img", { src: url, alt: file.name }) : _jsx(Named, { file: file }), url && file.poster && _jsx("span", { class: "film-play", children: _jsx(Icon, { name: "play" }) }), _jsx(IconButton, { icon: "x", label: t('file.remove', { name: file.name }), onClick: onRemove })] }));
}
function Named({ file }) {
    const { kind, duration_ms } = guessed(file);
    const isVoice = kind === 'voice';
    return (_jsxs("span", { class: "file", children: [isVoice ? _jsx("span", { class: "file-icon", children: _jsx(Icon, { name: "mic" }) }) : _jsx(FileIcon, { name: file.name }), _jsxs("span", { class: "file-text", children: [_jsx("span", { class: "file-name", dir: "auto", children: isVoice ? t('file.voice') : file.name }), _jsx("small", { children: isVoice && duration_ms ? duration(duration_ms / 1000) : bytes(file.blob.size) })] })] }));
}
export function Leaving({ item, failed }) {
    const files = item.files ?? [];
    const [one] = files;
    return (_jsxs(_Fragment, { children: [files.length === 1 && one ? _jsx(LeavingFile, { file: one }) : (_jsx("ul", { class: "tray", children: files.map((file, at) => _jsx("li", { children: _jsx(LeavingFile, { file: file }) }, at)) })), !failed && _jsx(Progress, { item: item })] }));
}
function LeavingFile({ file }) {
    const url = useLooks(file);
    return url ? _jsx("img", { class: "leaving", src: url, alt: file.name }) : _jsx(Named, { file: file });
}
function Progress({ item }) {
    watch(`rows:${item.chat}`, 'connection');
    const part = client.outbox.progress.get(item.client_msg_id) ?? 0;
    const total = (item.files ?? []).reduce((sum, { blob }) => sum + blob.size, 0);
    const isMoving = client.isSynced;
    return (_jsxs("div", { class: "leaving-foot", children: [_jsx("progress", { max: 1, value: part, "aria-label": t('file.sending') }), _jsx("small", { children: isMoving
                    ? t('file.of', { part: bytes(part * total), total: bytes(total) })
                    : t('file.waits') }), _jsx(IconButton, { icon: "x", label: t('file.cancel'), onClick: () => client.outbox.discard(item.client_msg_id) })] }));
}
