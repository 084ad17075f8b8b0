/**
 * What members are called in a group. Nothing tells of it, so it is asked when a group is opened;
 * of a large group only its list of members says it.
 */

import { signal } from '@preact/signals';
import type { ChatState, GroupMember, Id, MemberPage } from 'wechat-sdk';

import { client } from './state.js';

/** One page of members. */
const MOST = 200;

const known = signal<ReadonlyMap<Id, ReadonlyMap<Id, string>>>(new Map());

export async function learnNicks(state: ChatState): Promise<void> {
  if (state.chat.kind !== 'group' || state.chat.member_count > MOST) return;
  const path = `/groups/${state.id}/members`;
  const page = await client.rest.get<MemberPage>(path, { limit: MOST }).catch(() => null);
  if (page) keepNicks(state.id, page.members);
}

function keepNicks(chat: Id, members: readonly GroupMember[]): void {
  const named = members.flatMap(({ user, nick }) => (nick ? [[user.id, nick] as const] : []));
  known.value = new Map(known.peek()).set(chat, new Map(named));
}

/** What somebody is called in a group, if not by their own name. */
export const nickOf = (chat: Id, user: Id): string | undefined => known.value.get(chat)?.get(user);
