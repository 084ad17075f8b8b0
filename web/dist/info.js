import { Fragment as _Fragment, jsx as _jsx, jsxs as _jsxs } from "preact/jsx-runtime";
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ChatLevel } from './alert_settings.js';
import { ChangePicture } from './change_picture.js';
import { chatActions } from './chats.js';
import { ContactActions } from './contacts.js';
import { date } from './format.js';
import { AnnounceDialog, NickDialog, RequestsCard, RulesCard, SilenceDialog, SilentTag, isSilent, } from './group_rules.js';
import { t } from './i18n.js';
import { copy } from './message_menu.js';
import { chatName, myId, userName } from './names.js';
import { Picker } from './people.js';
import { faceOf } from './pictures.js';
import { presenceText } from './presence.js';
import { QrCode } from './qr.js';
import { ReportDialog } from './report.js';
import { Action } from './row_buttons.js';
import { attempt, client, go, limits, say, watch } from './state.js';
import { Avatar, Confirm, Dialog, Icon, IconButton, Menu, Spinner, Switch, } from './ui.js';
import { viewFace } from './viewing.js';
export function InfoPane({ id }) {
    watch(`chat:${id}`, 'users');
    const state = client.store.chats.get(id);
    if (!state)
        return _jsx("section", { class: "pane info-pane" });
    const peer = state.peer(myId());
    return (_jsxs("section", { class: "pane info-pane", "aria-label": t('info'), children: [_jsxs("header", { class: "bar", children: [_jsx(IconButton, { icon: "arrow-left", label: t('back'), class: "flip only-narrow-i", onClick: () => go(`chat/${id}`) }), _jsx("h1", { class: "grow", children: t('info') }), _jsx(IconButton, { icon: "x", label: t('close'), class: "not-narrow", onClick: () => go(`chat/${id}`) })] }), _jsx("div", { class: "scroll info", children: peer === null ? _jsx(GroupInfo, { state: state }) : _jsx(DirectInfo, { state: state, peer: peer }) })] }));
}
function Face({ id, name, sub, about, group }) {
    return (_jsxs("div", { class: "face", children: [_jsx(FacePicture, { id: id, name: name, ...(group ? { group } : {}) }), _jsx("h2", { dir: "auto", children: name }), sub && _jsx("p", { class: "dim", children: sub }), about && _jsx("p", { class: "about-me", dir: "auto", children: about })] }));
}
export function FacePicture({ id, name, group }) {
    watch('users', 'session', `chat:${id}`);
    const file = faceOf(id);
    const face = _jsx(Avatar, { id: id, name: name, size: "xl", ...(group ? { group } : {}) });
    if (!file)
        return face;
    return (_jsx("button", { type: "button", class: "avatar-button", "aria-label": t('file.open', { name }), onClick: () => viewFace(file, name), children: face }));
}
function DirectInfo({ state, peer }) {
    watch(`chat:${state.id}`, 'users');
    const user = client.user(peer);
    return (_jsxs(_Fragment, { children: [_jsx(Face, { id: peer, name: chatName(state), sub: presenceText(peer), about: user?.about ?? '' }), peer !== myId() && (_jsxs("div", { class: "face-buttons", children: [_jsxs("button", { type: "button", class: "button", onClick: () => client.startCall(state.id, 'voice'), children: [_jsx(Icon, { name: "phone" }), " ", t('call.do_voice')] }), _jsxs("button", { type: "button", class: "button", onClick: () => client.startCall(state.id, 'video'), children: [_jsx(Icon, { name: "video" }), " ", t('call.do_video')] })] })), peer !== myId() && _jsx(ContactActions, { state: state, peer: peer }), _jsx(ChatLevel, { state: state }), _jsxs("div", { class: "card", children: [chatActions(state).map((item) => _jsx(Action, { ...item }, item.label)), _jsx(ClearChat, { state: state }), peer !== myId() && _jsx(Block, { user: peer }), peer !== myId() && _jsx(Report, { subject: { user: peer } })] })] }));
}
function Report({ subject }) {
    const isOpen = useSignal(false);
    return (_jsxs(_Fragment, { children: [_jsx(Action, { icon: "flag", label: t('report'), danger: true, onClick: () => { isOpen.value = true; } }), isOpen.value && (_jsx(ReportDialog, { subject: subject, onClose: () => { isOpen.value = false; } }))] }));
}
function ClearChat({ state }) {
    const asked = useSignal(false);
    const done = async (yes) => {
        asked.value = false;
        if (yes) {
            await attempt(client.setChat(state.id, { hide_seq: state.chat.head_seq }).then(() => go('')));
        }
    };
    return (_jsxs(_Fragment, { children: [_jsx(Action, { icon: "eraser", label: t('chat.clear'), onClick: () => { asked.value = true; }, danger: true }), asked.value && (_jsx(Confirm, { title: t('chat.clear'), text: t('chat.clear.hint'), action: t('chat.clear'), onDone: done }))] }));
}
function Block({ user }) {
    const blocked = useSignal(null);
    const asked = useSignal(false);
    useEffect(() => {
        void client.rest.get('/me/blocks').then((list) => { blocked.value = list.blocked.some((one) => one.user.id === user); }, () => undefined);
    }, [user]);
    if (blocked.value === null)
        return null;
    const set = async (on) => {
        const path = `/users/${user}/block`;
        const done = await attempt((on ? client.rest.put(path) : client.rest.delete(path)).then(() => true));
        if (done)
            blocked.value = on;
    };
    return (_jsxs(_Fragment, { children: [_jsx(Action, { icon: "ban", label: t(blocked.value ? 'unblock' : 'block'), danger: !blocked.value, onClick: () => { if (blocked.value)
                    void set(false);
                else
                    asked.value = true; } }), asked.value && (_jsx(Confirm, { title: t('block.ask', { name: userName(user) }), text: t('block.hint'), action: t('block'), onDone: (yes) => { asked.value = false; if (yes)
                    void set(true); } }))] }));
}
function GroupInfo({ state }) {
    watch(`chat:${state.id}`);
    const { chat, member } = state;
    const isManager = member.role !== 'member';
    const step = useSignal('none');
    const close = () => { step.value = 'none'; };
    const leave = async (yes) => {
        close();
        if (yes)
            await attempt(client.rest.post(`/groups/${chat.id}/leave`).then(() => go('')));
    };
    const remove = async (yes) => {
        close();
        if (yes)
            await attempt(client.rest.delete(`/groups/${chat.id}`).then(() => go('')));
    };
    const sub = `${t('members', { n: chat.member_count })} · `
        + `${t(chat.public ? 'group.is_public' : 'group.is_private')}`;
    return (_jsxs(_Fragment, { children: [_jsx(Face, { id: chat.id, name: chat.title ?? '', sub: sub, about: chat.about ?? '', group: true }), _jsxs("div", { class: "card", children: [isManager && (_jsx(Action, { icon: "pencil", label: t('group.edit'), onClick: () => { step.value = 'edit'; } })), isManager && (_jsx(Action, { icon: "link", label: t('invite'), onClick: () => { step.value = 'invite'; } })), isManager && (_jsx(Action, { icon: "megaphone", label: t('announcement'), onClick: () => { step.value = 'announce'; } })), _jsx(Action, { icon: "signature", label: t('nick'), onClick: () => { step.value = 'nick'; } }), chatActions(state).map((item) => _jsx(Action, { ...item }, item.label))] }), isManager && _jsx(RequestsCard, { state: state }), _jsx(Members, { state: state, onAdd: isManager || chat.rules?.add === 'all' ? () => { step.value = 'add'; } : null }), isManager && _jsx(RulesCard, { state: state }), _jsxs("div", { class: "card", children: [_jsx(ClearChat, { state: state }), member.role !== 'owner' && _jsx(Report, { subject: { group: chat.id } }), _jsx(Action, { icon: "log-out", label: t('group.leave'), onClick: () => { step.value = 'leave'; }, danger: true }), member.role === 'owner' && (_jsx(Action, { icon: "trash-2", label: t('group.delete'), onClick: () => { step.value = 'delete'; }, danger: true }))] }), _jsx("p", { class: "dim small created", children: t('group.created', { date: date(chat.created) }) }), step.value === 'edit' && _jsx(EditGroup, { state: state, onClose: close }), step.value === 'add' && _jsx(AddMembers, { state: state, onClose: close }), step.value === 'announce' && _jsx(AnnounceDialog, { state: state, onClose: close }), step.value === 'nick' && _jsx(NickDialog, { state: state, onClose: close }), step.value === 'invite' && _jsx(Invitation, { state: state, onClose: close }), step.value === 'leave' && (_jsx(Confirm, { title: t('group.leave'), text: t('group.leave.hint'), action: t('group.leave'), onDone: leave })), step.value === 'delete' && (_jsx(Confirm, { title: t('group.delete'), text: t('group.delete.hint'), action: t('group.delete'), onDone: remove }))] }));
}
const RANK = { owner: 0, admin: 1, member: 2 };
function Members({ state, onAdd }) {
    const members = useSignal(null);
    const next = useSignal(null);
    const load = async (after) => {
        const path = `/groups/${state.id}/members`;
        const page = await attempt(client.rest.get(path, { after, limit: 100 }));
        if (!page)
            return;
        client.keepUsers(page.members.map(({ user }) => user));
        const known = after ? members.peek() ?? [] : [];
        members.value = [...known, ...page.members].sort((a, b) => RANK[a.role] - RANK[b.role]);
        next.value = page.next ?? null;
    };
    useEffect(() => { void load(); }, [state.id, state.chat.member_count, state.chat.head_rev]);
    return (_jsxs("div", { class: "card", children: [_jsx("h3", { class: "section", children: t('members.title') }), onAdd && _jsx(Action, { icon: "user-plus", label: t('members.add'), onClick: onAdd }), members.value
                ? members.value.map((one) => (_jsx(MemberLine, { one: one, state: state, onChanged: () => void load() }, one.user.id)))
                : _jsx(Spinner, {}), next.value && (_jsx("button", { type: "button", class: "row-button", onClick: () => void load(next.value ?? undefined), children: t('more') }))] }));
}
function MemberLine({ one, state, onChanged }) {
    const { user, role } = one;
    const menu = useSignal(null);
    const silencing = useSignal(false);
    const mine = state.member.role;
    const isMe = user.id === myId();
    const path = `/groups/${state.id}/members/${user.id}`;
    const run = (work) => async () => {
        await attempt(work());
        onChanged();
    };
    const setRole = (to) => run(() => client.rest.patch(path, { role: to }));
    const mayRemove = !isMe && RANK[mine] < RANK[role];
    const items = [
        !isMe && {
            icon: 'message-circle', label: t('message'), onClick: () => void openDirect(user.id),
        },
        mine === 'owner' && role === 'member'
            && { icon: 'shield', label: t('role.make_admin'), onClick: setRole('admin') },
        mine === 'owner' && role === 'admin'
            && { icon: 'shield-off', label: t('role.make_member'), onClick: setRole('member') },
        mine === 'owner' && !isMe && {
            icon: 'crown', label: t('role.hand_over'),
            onClick: run(() => client.rest.put(`/groups/${state.id}/owner`, { user: user.id })),
        },
        mayRemove && (isSilent(one)
            ? {
                icon: 'mic', label: t('members.speak'),
                onClick: run(() => client.rest.delete(`${path}/silence`)),
            }
            : {
                icon: 'mic-off', label: t('members.silence'), onClick: () => { silencing.value = true; },
            }),
        mayRemove && {
            icon: 'user-minus', label: t('members.remove'), danger: true,
            onClick: run(() => client.rest.delete(path)),
        },
        mayRemove && {
            icon: 'ban', label: t('members.ban'), danger: true,
            onClick: run(() => client.rest.put(`/groups/${state.id}/bans/${user.id}`)),
        },
    ];
    return (_jsxs(_Fragment, { children: [_jsxs("button", { type: "button", class: "row-button member", disabled: isMe, onClick: (event) => { menu.value = { x: event.clientX, y: event.clientY }; }, children: [_jsx(Avatar, { id: user.id, name: user.name, size: "s" }), _jsxs("span", { class: "grow chat-name", dir: "auto", children: [isMe ? t('you') : user.name || t('user.deleted'), one.nick && _jsxs("small", { class: "nick", children: [" ", _jsx("bdi", { children: one.nick })] })] }), _jsx(SilentTag, { one: one }), role !== 'member' && _jsx("span", { class: "tag", children: t(`role.${role}`) })] }), menu.value && (_jsx(Menu, { label: user.name, at: menu.value, onClose: () => { menu.value = null; }, items: items })), silencing.value && (_jsx(SilenceDialog, { state: state, one: one, onClose: () => { silencing.value = false; onChanged(); } }))] }));
}
export async function openDirect(user) {
    const state = await attempt(client.openDirect(user));
    if (state)
        go(`chat/${state.id}`);
}
function EditGroup({ state, onClose }) {
    const { chat } = state;
    const title = useSignal(chat.title ?? '');
    const about = useSignal(chat.about ?? '');
    const isPublic = useSignal(chat.public);
    const isShared = useSignal(chat.history_shared);
    const save = async (event) => {
        event.preventDefault();
        const change = {
            title: title.value.trim(), about: about.value.trim(), public: isPublic.value,
            history_shared: isShared.value,
        };
        const done = await attempt(client.rest.patch(`/groups/${chat.id}`, change).then(() => true));
        if (done)
            onClose();
    };
    return (_jsxs(Dialog, { title: t('group.edit'), onClose: onClose, children: [_jsx(ChangePicture, { has: !!chat.avatar, onChange: (picture) => client.setGroupPicture(chat.id, picture) }), _jsxs("form", { class: "form", onSubmit: save, children: [_jsxs("label", { class: "field", children: [_jsx("span", { children: t('group.title') }), _jsx("input", { required: true, maxLength: limits()?.title_chars, dir: "auto", value: title.value, onInput: (event) => { title.value = event.currentTarget.value; } })] }), _jsxs("label", { class: "field", children: [_jsx("span", { children: t('group.about') }), _jsx("textarea", { rows: 3, maxLength: limits()?.about_chars, dir: "auto", value: about.value, onInput: (event) => { about.value = event.currentTarget.value; } })] }), _jsx(Switch, { label: t('group.public'), hint: t('group.public.hint'), on: isPublic.value, onChange: (on) => { isPublic.value = on; } }), _jsx(Switch, { label: t('group.shared'), hint: t('group.shared.hint'), on: isShared.value, onChange: (on) => { isShared.value = on; } }), _jsx("div", { class: "buttons", children: _jsx("button", { class: "button primary", children: t('save') }) })] })] }));
}
function AddMembers({ state, onClose }) {
    const chosen = useSignal(new Set());
    const add = async () => {
        const users = [...chosen.value];
        const added = await attempt(client.rest.post(`/groups/${state.id}/members`, { users }));
        if (!added)
            return;
        if (added.added.length < users.length)
            say(t('members.not_all'));
        onClose();
    };
    return (_jsxs(Dialog, { title: t('members.add'), onClose: onClose, class: "tall", children: [_jsx(Picker, { chosen: chosen }), _jsx("div", { class: "buttons", children: _jsx("button", { type: "button", class: "button primary", disabled: !chosen.value.size, onClick: () => void add(), children: t('add') }) })] }));
}
function Invitation({ state, onClose }) {
    const invite = useSignal(null);
    const path = `/groups/${state.id}/invites`;
    const make = async () => {
        invite.value = await attempt(client.rest.post(path, {})) ?? null;
    };
    useSignalEffect(() => {
        void attempt(client.rest.get(path)).then((found) => {
            const open = found?.invites.find(({ uses_left, expires }) => uses_left == null && !expires);
            if (open)
                invite.value = open;
            else if (found)
                void make();
        });
    });
    const revoke = async () => {
        const { value } = invite;
        if (!value)
            return;
        invite.value = null;
        await attempt(client.rest.delete(`${path}/${value.code}`));
        await make();
    };
    const link = invite.value ? `${location.origin}/#/join/${invite.value.code}` : '';
    return (_jsxs(Dialog, { title: t('invite'), onClose: onClose, class: "invite", children: [_jsx("p", { class: "dim", children: t('invite.hint') }), link ? _jsx(QrCode, { text: link, label: t('invite.qr') }) : _jsx(Spinner, {}), _jsx("p", { class: "invite-link", children: _jsx("code", { dir: "ltr", children: link }) }), _jsxs("div", { class: "buttons", children: [_jsx("button", { type: "button", class: "button", onClick: () => void revoke(), children: t('invite.renew') }), _jsx("button", { type: "button", class: "button primary", onClick: () => void copy(link), children: t('copy') })] })] }));
}
