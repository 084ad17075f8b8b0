// A group whose admin decides: who writes, how often, who is silent, who comes in; and a report.
import { check } from './person.mjs';
import { until } from './server.mjs';
import { screen, shown, twoSignedUp } from './stage.mjs';

const GROUP = 'Peña de los martes';

// What the page's client asks of the server, as this person.
const asks = (person, method, path, body) => person.inside(
  ({ client }, [method, path, body]) => client.rest[method](path, body), [method, path, body],
);

// A switch of the rules, by its name.
const turns = (person, key) => person.page.getByRole('switch', { name: person.t(key) }).click();

const info = async (person, chat) => {
  await person.goes(`chat/${chat}/info`);
  await shown(person, '.info-pane .member');
};

export async function ruled() {
  const [ana, beto] = await twoSignedUp({}, { width: 360, theme: 'dark' });
  const group = await asks(ana, 'post', '/groups', { title: GROUP, members: [beto.id] });
  await announces(ana, beto, group.id);
  await slows(ana, beto, group.id);
  await silences(ana, beto, group.id);
  await reports(ana, beto, group.id);
  await letsIn(ana, beto, group.id);
  for (const person of [ana, beto]) person.quiet();
}

async function announces(ana, beto, chat) {
  await beto.openChat(GROUP);
  await info(ana, chat);
  await turns(ana, 'rules.write');
  await beto.$('.composer-off', { hasText: beto.t('hush.admins') }).waitFor();
  await ana.button('announcement').click();
  await ana.$('dialog textarea').fill('El martes a las ocho.\nTraed las guitarras.');
  await screen(ana, 'announcement dialog');
  await ana.button('save').click();
  await beto.$('.announcement', { hasText: 'guitarras' }).waitFor();
  await screen(beto, 'announcement group');
  await beto.button('announcement.away').click();
  await beto.$('.announcement').waitFor({ state: 'detached' });
  await info(ana, chat);
  await screen(ana, 'group rules');
  await turns(ana, 'rules.write');
  await beto.$('.composer textarea').waitFor();
}

async function slows(ana, beto, chat) {
  await beto.says('uno');
  await ana.$('.info-pane select').selectOption('300');
  await beto.$('.slow-note', { hasText: /\d/ }).waitFor();
  await screen(beto, 'slow mode');
  await ana.$('.info-pane select').selectOption('0');
  await beto.$('.slow-note').waitFor({ state: 'detached' });
  await beto.says('dos');
  check(await beto.chat === chat, 'still there');
}

async function silences(ana, beto, chat) {
  await info(ana, chat);
  await ana.$('.member', { hasText: beto.name }).click();
  await ana.$('dialog.menu').getByRole('button', { name: ana.t('members.silence') }).click();
  await shown(ana, 'dialog .spans');
  await screen(ana, 'silence');
  await ana.$('dialog .spans button').first().click();
  await beto.$('.composer-off').waitFor();
  await screen(beto, 'silenced');
  await shown(ana, '.member .tag.quiet');
  await ana.$('.member', { hasText: beto.name }).click();
  await ana.$('dialog.menu').getByRole('button', { name: ana.t('members.speak') }).click();
  await beto.$('.composer textarea').waitFor();
}

async function reports(ana, beto, chat) {
  await ana.openChat(GROUP);
  await ana.says('dame tu clave');
  await beto.does('dame tu clave', 'report');
  await beto.page.getByLabel(beto.t('report.fraud')).check();
  await beto.field('report.note').fill('¡Otra vez!');
  await screen(beto, 'report');
  await beto.button('report.send').click();
  await beto.$('.toast', { hasText: beto.t('report.sent') }).waitFor();
  const own = await asks(beto, 'get', '/reports');
  check(own.reports[0].reason === 'fraud' && own.reports[0].chat === chat, 'it is reported');
}

async function letsIn(ana, beto, chat) {
  await asks(ana, 'patch', `/groups/${chat}`, { rules: { approve: true } });
  await asks(ana, 'patch', `/groups/${chat}`, { public: true });
  await beto.goesHome();
  await asks(beto, 'post', `/groups/${chat}/leave`);
  // Her page hears of it by itself, in the list and where the group's info is open.
  await ana.goesHome();
  await asks(beto, 'post', `/groups/${chat}/join`);
  const asked = ana.$('.chat-row', { hasText: GROUP }).locator('.badge.asks');
  await asked.waitFor();
  await screen(ana, 'asked');
  await info(ana, chat);
  await ana.button('join.let_in', { name: beto.name }).waitFor();
  await asks(beto, 'delete', `/groups/${chat}/requests`);
  await ana.button('join.let_in', { name: beto.name }).waitFor({ state: 'detached' });
  await asks(beto, 'post', `/groups/${chat}/join`);
  const letIn = ana.button('join.let_in', { name: beto.name });
  await letIn.waitFor();
  await screen(ana, 'requests');
  await letIn.click();
  await until('he is in', () => beto.inside(
    ({ client }, chat) => client.store.chats.has(chat), chat,
  ));
  await ana.goesHome();
  await asked.waitFor({ state: 'detached' });
}
