/** How the server is called and looks, as its page says it: its operator chose that. */

import type { JSX } from 'preact';

import { t } from './i18n.js';
import { Icon } from './ui.js';

const told = (name: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';

export const appName = told('application-name');
/** The address of its picture; empty when it has none of its own. */
const logo = told('logo');
const isNamed = document.documentElement.dataset.name !== 'default';

export function Brand(): JSX.Element {
  return (
    <div class="brand-row">
      <div class="brand">
        {logo ? <img src={logo} alt="" width={60} height={60} /> : <Icon name="brand" />}
      </div>
      <p class="brand-name" dir="auto">{appName}</p>
    </div>
  );
}

/** What this is, while it goes by a name that belongs to somebody else. */
export function Disclaimer(): JSX.Element | null {
  return isNamed ? null : <p class="languages small">{t('server.own')}</p>;
}
