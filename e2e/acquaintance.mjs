// A whole acquaintance of two people on the page: from signing up to a group, a second device and
// everything said between. A part of web.mjs.
import { check, languages } from './person.mjs';
import { readsQr } from './qr.mjs';
import { until } from './server.mjs';
import { screen, shown } from './stage.mjs';

export async function acquaintance(ana, beto) {
  for (const person of [ana, beto]) {
    await screen(person, 'log in');
    await person.$('.auth-switch button').click();
    await screen(person, 'sign up');
    await person.$('.auth-switch button').click();
    await person.asksForCode();
    await screen(person, 'code');
    await person.pastes(await person.readsCode());
    await shown(person, '.list-pane .empty');
    await screen(person, 'no chats');
    person.id = await person.inside(({ client }) => client.me.id);
  }
  await ana.goes('new');
  await screen(ana, 'new chat');
  await ana.finds(beto.name);
  await ana.says('¡Hola, Beto! 你好 مرحبا 👋');
  await ana.standing('¡Hola, Beto!', 'sent');
  await until('one unread', async () => (await beto.unread(ana.name))?.startsWith('1'));
  check(
    (await beto.page.title()).includes('1'), `the title tells of it: ${await beto.page.title()}`,
  );
  await screen(beto, 'one chat');
  await beto.openChat(ana.name);
  await beto.sees('¡Hola, Beto!');
  await ana.standing('¡Hola, Beto!', 'read');

  await beto.does('¡Hola, Beto!', 'reply');
  await beto.says('¿Qué tal, Ana?');
  await ana.sees('¿Qué tal, Ana?');
  check(await ana.bubble('¿Qué tal').locator('.quote').count() === 1, 'the answer quotes');
  await ana.menuOf('¿Qué tal');
  await screen(ana, 'menu of a message');
  await ana.page.keyboard.press('Escape');
  await ana.reacts('¿Qué tal', '👍');
  await shown(beto, '.reaction');
  await ana.says('Nos vemos el lunez');
  await ana.does('el lunez', 'edit');
  await ana.types('Nos vemos el lunes');
  await ana.sends();
  await beto.sees('el lunes');
  await beto.$('.bubble', { hasText: 'el lunes' }).getByText(beto.t('edited')).first().waitFor();
  await ana.types('…');
  await shown(beto, '.chat-sub.typing');
  await ana.types('');
  await screen(ana, 'chat');
  await screen(beto, 'chat');

  await ana.says('Esto no era para ti');
  await beto.sees('no era para ti');
  await ana.does('no era para ti', 'delete');
  await screen(ana, 'delete?');
  await ana.button('message.delete_all').click();
  await shown(beto, '.bubble.gone');
  await ana.does('el lunes', 'message.info');
  await shown(ana, '.facts');
  await screen(ana, 'message info');
  await ana.page.keyboard.press('Escape');
  await ana.does('el lunes', 'pin');
  await shown(beto, '.pinned');

  await group(ana, beto);
  await unread(ana, beto);
  await screens(ana, beto);
  for (const person of [ana, beto]) person.quiet();
}

async function group(ana, beto) {
  await ana.goesHome();
  await ana.button('new').click();
  await ana.$('.chat-row', { hasText: ana.t('group.new') }).click();
  await ana.field('group.title').fill('Caminatas · Walks');
  await ana.$('.new-group .search input').fill(beto.name);
  await ana.$('.new-group .chat-row', { hasText: beto.name }).click();
  await shown(ana, '.chosen li');
  await screen(ana, 'new group');
  await ana.$('.new-group .foot button').click();
  await ana.$('.composer textarea').waitFor();
  await ana.says('Domingo a las nueve');
  await beto.openChat('Caminatas');
  await beto.sees('Domingo a las nueve');
  await beto.says('@');
  await screen(beto, 'group');
  await ana.goes(`chat/${await ana.chat}/info`);
  await shown(ana, '.info-pane .member');
  await screen(ana, 'group info');
  await ana.button('invite').click();
  await shown(ana, 'dialog .invite-link code');
  await until(
    'the link is there',
    async () => /#\/join\/[\w-]{16}$/.test(await ana.$('.invite-link code').textContent()),
  );
  await screen(ana, 'invitation');
  const link = new URL(await ana.$('.invite-link code').textContent());
  check(await readsQr(ana) === link.href, 'a camera reads the link');
  await ana.page.keyboard.press('Escape');
  await beto.goes(link.hash.slice(2));
  await shown(beto, '.chat-pane');
  await screen(beto, 'join');
}

async function unread(ana, beto) {
  await beto.goesHome();
  await ana.openChat(beto.name);
  for (const word of ['uno', 'dos', 'tres']) await ana.says(`mensaje ${word}`);
  await until('three unread', async () => (await beto.unread(ana.name))?.startsWith('3'));
  await beto.openChat(ana.name);
  await shown(beto, '#unread');
  await ana.standing('mensaje tres', 'read');
  await beto.goesHome();
  await until('none unread', async () => await beto.row(ana.name).locator('.badge').count() === 0);
}

// Every other screen, and the language switched in place.
async function screens(ana, beto) {
  const settings = ['profile', 'privacy', 'devices', 'blocked'].map((name) => `settings/${name}`);
  for (const path of ['settings', ...settings, 'calls', `user/${beto.id}`]) {
    await ana.goes(path);
    await ana.page.waitForFunction(() => !document.querySelector('.spinner'));
    await shown(ana, '.pane h1:visible');
    await screen(ana, path);
  }
  await ana.goes('settings');
  const codes = Object.keys(languages);
  const other = codes[(codes.indexOf(ana.lang) + 1) % codes.length];
  await ana.$('label', { hasText: languages[other].name }).click();
  [ana.lang, ana.was] = [other, ana.lang];
  await ana.page.getByRole('heading', { name: ana.t('settings') }).first().waitFor();
  check(
    await ana.page.evaluate(() => document.documentElement.lang) === other,
    'the page says its language',
  );
  await ana.$('label', { hasText: languages[ana.was].name }).click();
  ana.lang = ana.was;
  await ana.page.getByRole('heading', { name: ana.t('settings') }).first().waitFor();
}
