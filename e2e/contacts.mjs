// Strangers who ask, people who answer, contacts with a name of one's own, and a card. A part of
// web.mjs.
import { check } from './person.mjs';
import { readsQr } from './qr.mjs';
import { another, arrives, screen, shown, twoSignedUp } from './stage.mjs';

export async function contacts() {
  const strict = await another({ STRANGERS: 'requests' });
  const [ana, beto] = await twoSignedUp({ lang: 'en', width: 1280 }, {
    lang: 'es', width: 360, theme: 'dark',
  }, strict);
  await ana.finds(beto.name);
  await ana.says('It is me, Ana!');
  await shown(ana, '.request-bar');
  await screen(ana, 'a request that waits');

  await shown(beto, '.list-pane .chat-row .badge.quiet');
  check(!(await beto.page.title()).includes('1'), 'a request is no unread chat');
  check(await beto.row(ana.name).count() === 0, 'it is not among the chats');
  await screen(beto, 'a request came');
  await beto.goes('requests');
  await screen(beto, 'requests');
  await beto.$('.list-pane a.chat-row', { hasText: ana.name }).click();
  await beto.sees('It is me, Ana!');
  await screen(beto, 'a request');
  await beto.button('request.accept').click();
  await beto.$('.request-bar').waitFor({ state: 'detached' });
  await ana.$('.request-bar').waitFor({ state: 'detached' });
  await beto.says('¡Hola, Ana!');
  await ana.sees('¡Hola, Ana!');

  await beto.goes(`chat/${await beto.chat}/info`);
  const field = beto.$('.info-pane form input');
  await field.fill('Hermana');
  await beto.$('.info-pane form .button').click();
  await beto.$('.info-pane h2', { hasText: 'Hermana' }).waitFor();
  await screen(beto, 'about a contact');
  await beto.goes('contacts');
  await beto.$('.list-pane .chat-name', { hasText: 'Hermana' }).waitFor();
  await screen(beto, 'contacts');
  await beto.goes('settings/privacy');
  await shown(beto, '.list-pane fieldset.choice');
  await screen(beto, 'who may write');

  await ana.goes('contacts/card');
  await ana.button('card.make').click();
  await shown(ana, 'svg.qr');
  await ana.$('.list-pane .switch, .list-pane [role=switch]').first().click();
  await ana.$('.face p', { hasText: ana.t('card.adds.on') }).waitFor();
  await screen(ana, 'my card');
  const link = await readsQr(ana);
  check(link.includes('#/add/'), `the code is a link: ${link}`);
  const eva = await arrives({ name: 'Eva nueva', lang: 'zh', width: 360 }, strict);
  await eva.signsUp();
  await eva.goes(link.split('#/')[1]);
  await eva.$('.chat-pane h2', { hasText: ana.name }).waitFor();
  await screen(eva, 'a card');
  await eva.button('contact.add').click();
  await eva.$('.composer textarea').waitFor();
  await eva.says('你好');
  await ana.openChat(eva.name);
  await ana.sees('你好');
  for (const person of [ana, beto, eva]) person.quiet();
  await strict.end();
}
