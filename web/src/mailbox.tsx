/**
 * What the server tells before anybody is logged in: where mails are read, who can be tried out.
 */

import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ServerInfo } from 'wechat-sdk';

import { t } from './i18n.js';
import { attempt, client, machineKey } from './state.js';
import { Avatar, Icon } from './ui.js';

const server = signal<ServerInfo | null>(null);
/** The key that the answer was asked with. */
let asked: string | null = null;

function useServer(): ServerInfo | null {
  const key = machineKey.value;
  useEffect(() => {
    if (server.value && asked === key) return;
    asked = key;
    client.server(key).then((info) => { server.value = info; }, () => undefined);
  }, [key]);
  return server.value;
}

export function MailHint(): JSX.Element | null {
  const info = useServer();
  if (info?.mail !== 'local') return null;
  return (
    <p class="hint">
      <Icon name="mail" />
      <span>
        {t(info.mailbox ? 'auth.mailbox' : 'auth.mailbox.folder')}{' '}
        {info.mailbox && (
          <a href={`${info.mailbox}#${machineKey.value}`} target="_blank" rel="noopener">
            {t('auth.mailbox.open')}
          </a>
        )}
      </span>
    </p>
  );
}

/**
 * One click and one is somebody: for the person at the machine of a server started with `--dev`.
 */
export function DemoPeople({ device }: { device: string }): JSX.Element | null {
  const people = useServer()?.demo ?? [];
  if (!people.length) return null;
  return (
    <section class="demo" aria-label={t('auth.demo')}>
      <h2 class="section">{t('auth.demo')}</h2>
      <div class="demo-people">
        {people.map(({ user, name }) => (
          <button type="button" key={user} class="button"
            onClick={() => void attempt(client.demo(user, device, machineKey.value))}>
            <Avatar id={user} name={name} size="s" /> {name}
          </button>
        ))}
      </div>
    </section>
  );
}
