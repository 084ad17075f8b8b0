/** The door of the server: who may sign up, and the invitation that somebody came with. */

import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ServerInfo } from 'wechat-sdk';

import { t } from './i18n.js';
import { client, route, watch } from './state.js';

/** Who may sign up; a server that has not said so is open. */
export function useDoor(): Pick<ServerInfo, 'sign_up' | 'sign_up_domains'> {
  watch('server');
  return { sign_up: 'open', ...client.about.info };
}

/** The code in the link that the page was opened by (`#/invitation/CODE`). */
export const invitationInLink = (): string =>
  route.value[0] === 'invitation' ? route.value[1] ?? '' : '';

/** The code of an invitation, also out of the whole link. */
export const codeOf = (typed: string): string => typed.trim().split('/').pop() ?? '';

/** What the door asks of somebody new. */
export function DoorFields({ invitation }: { invitation: Signal<string> }): JSX.Element {
  const { sign_up, sign_up_domains } = useDoor();
  return (
    <>
      {sign_up === 'invited' && (
        <label class="field">
          <span>{t('auth.invitation')}</span>
          <input name="invitation" required autocomplete="off" spellcheck={false} maxLength={300}
            placeholder={t('auth.invitation.hint')} value={invitation.value}
            onInput={(event) => { invitation.value = event.currentTarget.value; }} />
        </label>
      )}
      {sign_up_domains?.length ? (
        <p class="hint">{t('auth.domains', { domains: sign_up_domains.join(', ') })}</p>
      ) : null}
    </>
  );
}
