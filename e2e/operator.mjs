// The operator's page: the role is taken with the key, somebody is found, suspended and restored,
// an invitation is made, and the audit has it all. Called by web.mjs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, languages } from './person.mjs';
import { until } from './server.mjs';
import { another, arrives, screen } from './stage.mjs';

const PLACES =
  ['', '/overview', '/people', '/groups', '/reports', '/invitations', '/audit', '/settings'];
const keyOf = ({ folder }) =>
  readFileSync(join(folder, 'data/secrets/operator_key'), 'utf8').trim();

export async function operator() {
  const own = await another({});
  try {
    const ana = await arrives({ name: 'Ana Op', lang: 'en', width: 1280 }, own);
    const beto = await arrives({ name: 'Beto Op', lang: 'es', width: 390, theme: 'dark' }, own);
    for (const person of [ana, beto]) await person.signsUp();
    await takes(ana, keyOf(own));
    await answers(ana, beto);
    await suspends(ana, beto);
    await invites(ana);
    await sees(ana);
    await looksAtFigures(ana);
    ana.quiet();
    await looksInEveryLanguage(ana);
  } finally {
    await own.end();
  }
}

async function takes(ana, key) {
  await ana.goes('admin');
  await ana.field('admin.key').fill('not the key');
  await ana.button('admin.take').click();
  await ana.$('.toast.error').first().waitFor();
  // The refusal is in the console as well.
  ana.errors = ana.errors.filter((text) => !/status of 40/.test(text));
  await ana.field('admin.key').fill(key);
  await ana.button('admin.take').click();
  await ana.$('.tiles').waitFor();
  await screen(ana, 'admin overview');
}

// The other person reports, and hears what became of it.
async function answers(ana, beto) {
  const made = await beto.inside(({ client }, user) => {
    const report = { user, reason: 'spam', note: 'la misma frase en todas partes' };
    return client.rest.post('/reports', report);
  }, ana.id);
  check(made.state === 'open', `the report is ${made.state}`);
  await ana.goes('admin/reports');
  await ana.$('.operator .row-button', { hasText: ana.t('report.spam') }).click();
  await screen(ana, 'admin report');
  await ana.button('admin.reports.take').click();
  await ana.field('admin.reports.word').fill('Thank you');
  await ana.button('admin.reports.upheld').click();
  await ana.$('.told', { hasText: 'Thank you' }).waitFor();
  const state = () => beto.inside(async ({ client }) =>
    (await client.rest.get('/reports')).reports[0].verdict);
  await until('who reported it hears of it', async () => await state() === 'upheld');
}

async function suspends(ana, beto) {
  await ana.goes('admin/people');
  await ana.field('admin.find').fill('Beto');
  await ana.$('.operator .row-button', { hasText: beto.name }).first().click();
  await ana.button('admin.suspend').click();
  await ana.field('admin.suspend.why').fill('Spam in three groups');
  await screen(ana, 'admin suspend');
  await ana.$('dialog .button.danger').click();
  await ana.$('.tag.bad').waitFor();
  await screen(ana, 'admin person');
  // The other person is out at once.
  beto.hasOutage = true;
  await beto.$('.auth').waitFor();
  await ana.button('admin.restore').click();
  await ana.$('.tag.bad').waitFor({ state: 'detached' });
}

async function invites(ana) {
  await ana.goes('admin/invitations');
  await ana.button('admin.invitation.make').click();
  const link = await ana.$('.invite-link code').textContent();
  check(/#\/invitation\//.test(link), `the link is ${link}`);
  await screen(ana, 'admin invitation');
  await ana.page.keyboard.press('Escape');
  await ana.$('.operator .device').waitFor();
  await screen(ana, 'admin invitations');
}

async function sees(ana) {
  await ana.goes('admin/audit');
  for (const act of ['take_role', 'suspend', 'restore', 'invite']) {
    await ana.$('.operator .device', { hasText: ana.t(`admin.act.${act}`) }).first().waitFor();
  }
  await until('each act is there once', async () =>
    await ana.$('.operator .device', { hasText: ana.t('admin.act.suspend') }).count() === 1);
  await screen(ana, 'admin audit');
}

// Charts with their tables, over any time, and the settings without what is secret.
async function looksAtFigures(ana) {
  await ana.goes('admin/overview');
  await ana.$('.chart').first().waitFor();
  check(await ana.$('.chart').count() === 5, 'there are five charts');
  await ana.$('.operator .segments label', { hasText: ana.t('admin.trends.day') }).click();
  await ana.$('.chart summary').first().click();
  const rows = ana.$('.chart-table tbody tr');
  await rows.first().waitFor();
  check(await rows.count() >= 1, 'the table behind it has a row');
  await screen(ana, 'admin charts');
  await ana.goes('admin/settings');
  const name = ana.page.locator('code', { hasText: /^SMTP_URL$/ });
  const mail = ana.$('.setting-now', { has: name });
  await mail.getByText(ana.t('admin.setting.unset')).waitFor();
  await screen(ana, 'admin settings');
}

// Narrow and dark too, in the other languages.
async function looksInEveryLanguage(ana) {
  await ana.page.setViewportSize({ width: 360, height: 740 });
  ana.width = 360;
  await ana.page.emulateMedia({ colorScheme: 'dark' });
  ana.theme = 'dark';
  for (const lang of Object.keys(languages)) {
    await ana.inside(async (_, code) => {
      const { speak } = await import('/assets/i18n.js');
      await speak(code);
    }, lang);
    ana.lang = lang;
    for (const place of PLACES) {
      await ana.goes(`admin${place}`);
      await ana.page.waitForFunction(() => !document.querySelector('.spinner'));
      await screen(ana, `admin${place.replace('/', ' ')}`);
    }
  }
}
