/** The page: begins with what is kept here, then shows what the address names. */

import { type JSX, render } from 'preact';
import { useEffect } from 'preact/hooks';

import { Auth } from './auth.js';
import { CallLayer } from './call.js';
import { CallHistory } from './calls.js';
import { ChatPane } from './chat.js';
import { ChatList } from './chats.js';
import { t } from './i18n.js';
import { InfoPane } from './info.js';
import { startNotifying } from './notify.js';
import { NewChat, NewGroup } from './people.js';
import { Join, Profile } from './profile.js';
import { Settings } from './settings.js';
import { client, go, openChat, route, say, watch } from './state.js';
import { Empty, Spinner, Toasts } from './ui.js';
import { forgetWriting } from './writing.js';

function App(): JSX.Element {
  watch('session');
  if (!client.session) return <><Auth /><Toasts /></>;
  if (!client.isLoaded) return <div class="empty full"><Spinner /></div>;
  const [place = '', one = '', two = ''] = route.value;
  const chat = openChat();
  const main = chat ? <ChatPane id={chat} />
    : place === 'user' ? <Profile id={one} />
    : place === 'join' ? <Join code={one} />
    : null;
  const hasInfo = chat !== null && two === 'info';
  const view = hasInfo ? 'info' : main ? 'chat' : 'list';
  return (
    <div class="app" data-view={view}>
      <Keys />
      <Side place={place} one={one} />
      {main ?? (
        <section class="pane chat-pane nothing">
          <Empty icon="message-circle" title={t('chat.choose')} text={t('chat.choose.hint')} />
        </section>
      )}
      {hasInfo && chat && <InfoPane id={chat} />}
      <CallLayer />
      <Toasts />
    </div>
  );
}

function Side({ place, one }: { place: string; one: string }): JSX.Element {
  switch (place) {
    case 'settings': return <Settings />;
    case 'calls': return <CallHistory />;
    case 'new': return one === 'group' ? <NewGroup /> : <NewChat />;
    default: return <ChatList />;
  }
}

/** Escape goes one step out; Alt with arrows goes through the chats. */
function Keys(): null {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
      const chat = openChat();
      if (event.key === 'Escape' && chat) go(route.value[2] ? `chat/${chat}` : '');
      const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (!event.altKey || !step) return;
      const list = client.store.list();
      const now = list.findIndex(({ id }) => id === chat);
      const next = list[Math.min(list.length - 1, Math.max(0, now + step))];
      if (next) go(`chat/${next.id}`);
      event.preventDefault();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
  return null;
}

client.onEnded = () => {
  forgetWriting();
  say(t('session.ended'), true);
};
void client.start();
startNotifying();
render(<App />, document.getElementById('app') as HTMLElement);

if ('serviceWorker' in navigator && isSecureContext) {
  navigator.serviceWorker.register('/sw.js').catch(() => undefined);
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ chat?: string }>) => {
    if (data?.chat) go(`chat/${data.chat}`);
  });
}
