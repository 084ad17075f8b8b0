/** What a group's admins decide: rules, announcement, who comes in, who is silent; and nicks. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ChatState, EditGroup, GroupMember, GroupRules, Requests } from 'wechat-sdk';

import { full } from './format.js';
import { t } from './i18n.js';
import { attempt, client, limits, watch } from './state.js';
import { Avatar, Dialog, Icon, IconButton, Switch } from './ui.js';

const SLOW = [0, 5, 10, 30, 60, 300, 900, 3600];
const SILENCES = [600, 3_600, 86_400, 604_800, 2_592_000];

const CALM: GroupRules = { write: 'all', slow: 0, add: 'admins', approve: false };

const edit = async (state: ChatState, change: EditGroup): Promise<boolean> =>
  await attempt(client.rest.patch(`/groups/${state.id}`, change).then(() => true)) ?? false;

/** The rules, for those who may change them. */
export function RulesCard({ state }: { state: ChatState }): JSX.Element {
  watch(`chat:${state.id}`);
  const rules = state.chat.rules ?? CALM;
  const set = (change: Partial<GroupRules>) => () => void edit(state, { rules: change });
  return (
    <div class="card">
      <h3 class="section">{t('rules')}</h3>
      <Switch label={t('rules.write')} hint={t('rules.write.hint')} on={rules.write === 'admins'}
        onChange={(on) => set({ write: on ? 'admins' : 'all' })()} />
      <Switch label={t('rules.add')} on={rules.add === 'all'}
        onChange={(on) => set({ add: on ? 'all' : 'admins' })()} />
      <Switch label={t('rules.approve')} hint={t('rules.approve.hint')} on={rules.approve}
        onChange={(on) => set({ approve: on })()} />
      <label class="switch-row">
        <span class="grow">
          <span>{t('rules.slow')}</span>
          <small>{t('rules.slow.hint')}</small>
        </span>
        <select value={rules.slow}
          onChange={(event) => set({ slow: Number(event.currentTarget.value) })()}>
          {[...new Set([...SLOW, rules.slow])].sort((a, b) => a - b).map((seconds) => (
            <option key={seconds} value={seconds}>{span(seconds)}</option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** A length of time in the largest unit that fits. */
function span(seconds: number): string {
  if (!seconds) return t('span.off');
  if (seconds % 86_400 === 0) return t('span.days', { n: seconds / 86_400 });
  if (seconds % 3_600 === 0) return t('span.hours', { n: seconds / 3_600 });
  if (seconds % 60 === 0) return t('span.minutes', { n: seconds / 60 });
  return t('span.seconds', { n: seconds });
}

/** Who waits to be let in. */
export function RequestsCard({ state }: { state: ChatState }): JSX.Element | null {
  watch(`chat:${state.id}`);
  const waiting = useSignal<GroupMember[]>([]);
  const path = `/groups/${state.id}/requests`;
  const load = async (): Promise<void> => {
    const found = await attempt(client.rest.get<Requests>(path));
    if (!found) return;
    client.keepUsers(found.requests.map(({ user }) => user));
    waiting.value = found.requests;
  };
  const { joining } = client;
  const { approve } = state.chat.rules ?? CALM;
  useEffect(() => { void load(); },
    [state.id, approve, joining.turn(state.id), joining.waiting(state.id)]);
  const decide = (one: GroupMember, isIn: boolean) => async (): Promise<void> => {
    const to = `${path}/${one.user.id}`;
    await attempt(isIn ? client.rest.put(to) : client.rest.delete(to));
    await load();
  };
  if (!waiting.value.length) return null;
  return (
    <div class="card">
      <h3 class="section">{t('join.requests', { n: waiting.value.length })}</h3>
      {waiting.value.map((one) => (
        <div class="row-button member" key={one.user.id}>
          <Avatar id={one.user.id} name={one.user.name} size="s" />
          <span class="grow chat-name" dir="auto">{one.user.name}</span>
          <IconButton icon="check" label={t('join.let_in', { name: one.user.name })}
            onClick={() => void decide(one, true)()} />
          <IconButton icon="x" label={t('join.refuse', { name: one.user.name })}
            onClick={() => void decide(one, false)()} />
        </div>
      ))}
    </div>
  );
}

/** How long a member is to say nothing. */
export function SilenceDialog({ state, one, onClose }: {
  state: ChatState; one: GroupMember; onClose: () => void;
}): JSX.Element {
  const silence = (seconds: number) => async (): Promise<void> => {
    const until = new Date(client.now() + seconds * 1_000).toISOString();
    await attempt(client.rest.put(`/groups/${state.id}/members/${one.user.id}/silence`, { until }));
    onClose();
  };
  return (
    <Dialog title={t('silence.title', { name: one.user.name })} onClose={onClose} class="confirm">
      <p class="dim">{t('silence.hint')}</p>
      <div class="spans">
        {SILENCES.map((seconds) => (
          <button type="button" key={seconds} class="button"
            onClick={() => void silence(seconds)()}>
            {span(seconds)}
          </button>
        ))}
      </div>
    </Dialog>
  );
}

/** Whether a member is silenced at the moment. */
export const isSilent = ({ silent_until }: GroupMember): boolean =>
  !!silent_until && Date.parse(silent_until) > client.now();

export function SilentTag({ one }: { one: GroupMember }): JSX.Element | null {
  if (!isSilent(one)) return null;
  const title = t('silence.until', { until: full(one.silent_until ?? 0) });
  return <span class="tag quiet" title={title}><Icon name="mic-off" label={title} /></span>;
}

/** A text of a line or several that is changed in a dialog of its own. */
export function TextDialog({ title, hint, value, most, isLong, onSave, onClose }: {
  title: string; hint: string; value: string; most: number; isLong?: boolean;
  onSave: (text: string) => Promise<boolean>; onClose: () => void;
}): JSX.Element {
  const text = useSignal(value);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await onSave(text.value.trim())) onClose();
  };
  const props = {
    maxLength: most, dir: 'auto' as const, value: text.value,
    onInput: (event: Event) => { text.value = (event.currentTarget as HTMLInputElement).value; },
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={save}>
        <label class="field"><span>{hint}</span>
          {isLong ? <textarea rows={5} {...props} /> : <input {...props} />}
        </label>
        <div class="buttons"><button class="button primary">{t('save')}</button></div>
      </form>
    </Dialog>
  );
}

export function AnnounceDialog({ state, onClose }: {
  state: ChatState; onClose: () => void;
}): JSX.Element {
  return (
    <TextDialog title={t('announcement')} hint={t('announcement.hint')} isLong
      value={state.chat.announcement?.text ?? ''} most={2_000} onClose={onClose}
      onSave={(announcement) => edit(state, { announcement })} />
  );
}

export function NickDialog({ state, onClose }: {
  state: ChatState; onClose: () => void;
}): JSX.Element {
  const save = async (text: string): Promise<boolean> =>
    await attempt(client.setChat(state.id, { nick: text || null }).then(() => true)) ?? false;
  return (
    <TextDialog title={t('nick')} hint={t('nick.hint')} value={state.member.nick ?? ''}
      most={limits()?.name_chars ?? 64} onSave={save} onClose={onClose} />
  );
}
