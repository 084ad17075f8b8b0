import { jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal } from '@preact/signals';
import { fold } from './chats.js';
import { t } from './i18n.js';
import { myId } from './names.js';
import { client } from './state.js';
import { Avatar } from './ui.js';
import { writing } from './writing.js';
const SHOWN = 6;
export function useMention(state, area) {
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
    const called = ({ user, nick }) => fold(`${user.name} ${nick ?? ''}`);
    const shown = query.value === null ? [] : people.value
        .filter((one) => called(one).includes(fold(query.value ?? ''))).slice(0, SHOWN);
    const pick = (member) => {
        query.value = null;
        put(state, area.current, member);
    };
    const onKeyDown = (event) => {
        if (!shown.length)
            return false;
        const { length } = shown;
        if (event.key === 'ArrowDown')
            chosen.value = (chosen.value + 1) % length;
        else if (event.key === 'ArrowUp')
            chosen.value = (chosen.value + length - 1) % length;
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
    const list = shown.length ? _jsx(Names, { shown: shown, chosen: chosen.value, onPick: pick }) : null;
    return { list, look, onKeyDown };
}
function put({ id: chat }, box, { user }) {
    if (!box)
        return;
    const end = box.selectionStart;
    const begin = box.value.lastIndexOf('@', end - 1);
    const now = writing(chat);
    const body = `${box.value.slice(0, begin)}@${user.name} ${box.value.slice(end)}`;
    now.value = { ...now.value, body, mentions: new Map(now.value.mentions).set(user.name, user.id) };
    box.focus();
}
function Names({ shown, chosen, onPick }) {
    return (_jsx("ul", { class: "mention-list", role: "listbox", "aria-label": t('mention'), children: shown.map((member, at) => (_jsxs("li", { role: "option", "aria-selected": at === chosen, onPointerDown: (event) => { event.preventDefault(); onPick(member); }, children: [_jsx(Avatar, { id: member.user.id, name: member.user.name, size: "s" }), _jsx("span", { dir: "auto", children: member.user.name }), member.nick && _jsx("small", { class: "nick", children: _jsx("bdi", { children: member.nick }) })] }, member.user.id))) }));
}
