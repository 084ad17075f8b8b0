import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useRef } from 'preact/hooks';
import { HAS_FILES } from './files_text.js';
import { t } from './i18n.js';
export function ChangePicture({ has, onChange }) {
    const input = useRef(null);
    if (!HAS_FILES)
        return null;
    return (_jsxs("div", { class: "picture-choice", children: [_jsx("button", { type: "button", class: "button small", onClick: () => input.current?.click(), children: t('file.change') }), has && _jsx("button", { type: "button", class: "button small", onClick: () => onChange(null), children: t('remove') }), _jsx("input", { ref: input, type: "file", accept: "image/*", hidden: true, "aria-label": t('file.change'), onChange: (event) => {
                    const [file] = event.currentTarget.files ?? [];
                    event.currentTarget.value = '';
                    if (file)
                        onChange(file);
                } })] }));
}
