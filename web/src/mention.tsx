/** The list of members that opens behind an `@` in a group. */

import { useSignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import type { ChatState, GroupMember, MemberPage } from 'wechat-sdk';

import { fold } from './chats.js';
import { t } from './i18n.js';
import { myId } from './names.js';
import { client } from './state.js';
import { Avatar } from './ui.js';
import { writing } from './writing.js';

/** Names shown at once. */
const SHOWN = 6;

export interface Mention {
  list: JSX.Element | null;
  look: () => void;
  /** Whether the key was meant for the list. */
  onKeyDown: (event: KeyboardEvent) => boolean;
}

export function useMention(state: ChatState, area: RefObject<HTMLTextAreaElement | null>): Mention {
  const query = useSignal<string | null>(null);
  const people = useSignal<GroupMember[]>([]);
  const chosen = useSignal(0);
  const isGroup = state.chat.kind === 'group';
  const look = (): void => {
    const box = area.current;
    const before = box?.value.slice(0, box.selectionStart) ?? '';
    const found = isGroup ? /(?:^|\s)@([^\s@]{0,30})$/u.exec(before) : null;
    query.value = found ? found[1] ?? '' : null;
    chosen.value = 0;
    if (found && !people.value.length) {
      void client.rest.get<MemberPage>(`/groups/${state.id}/members`, { limit: 100 }).then(
        (page) => { people.value = page.members.filter(({ user }) => user.id !== myId()); },
        () => undefined,
      );
    }
  };
  const called = ({ user, nick }: GroupMember): string => fold(`${user.name} ${nick ?? ''}`);
  const shown = query.value === null ? [] : people.value
    .filter((one) => called(one).includes(fold(query.value ?? ''))).slice(0, SHOWN);
  const pick = (member: GroupMember): void => {
    query.value = null;
    put(state, area.current, member);
  };
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!shown.length) return false;
    const { length } = shown;
    if (event.key === 'ArrowDown') chosen.value = (chosen.value + 1) % length;
    else if (event.key === 'ArrowUp') chosen.value = (chosen.value + length - 1) % length;
    else if (event.key === 'Escape') query.value = null;
    else if (event.key === 'Enter' || event.key === 'Tab') pick(shown[chosen.value] as GroupMember);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const list = shown.length ? <Names shown={shown} chosen={chosen.value} onPick={pick} /> : null;
  return { list, look, onKeyDown };
}

/** Puts a name in place of what was typed behind the `@`. */
function put(
  { id: chat }: ChatState, box: HTMLTextAreaElement | null, { user }: GroupMember,
): void {
  if (!box) return;
  const end = box.selectionStart;
  const begin = box.value.lastIndexOf('@', end - 1);
  const now = writing(chat);
  const body = `${box.value.slice(0, begin)}@${user.name} ${box.value.slice(end)}`;
  now.value = { ...now.value, body, mentions: new Map(now.value.mentions).set(user.name, user.id) };
  box.focus();
}

interface NamesProps {
  shown: readonly GroupMember[];
  chosen: number;
  onPick: (member: GroupMember) => void;
}

function Names({ shown, chosen, onPick }: NamesProps): JSX.Element {
  return (
    <ul class="mention-list" role="listbox" aria-label={t('mention')}>
      {shown.map((member, at) => (
        <li key={member.user.id} role="option" aria-selected={at === chosen}
          onPointerDown={(event) => { event.preventDefault(); onPick(member); }}>
          <Avatar id={member.user.id} name={member.user.name} size="s" />
          <span dir="auto">{member.user.name}</span>
          {member.nick && <small class="nick"><bdi>{member.nick}</bdi></small>}
        </li>
      ))}
    </ul>
  );
}
