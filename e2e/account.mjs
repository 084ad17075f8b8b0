// One's own account: a copy of its data; recovery codes; another address, with word to the old one
// and a way back. A part of web.mjs.
import { check } from './person.mjs';
import { until } from './server.mjs';
import { arrives, screen } from './stage.mjs';

const LOOKS = [
  { lang: 'en', width: 1280 }, { lang: 'es', width: 360, theme: 'dark' },
  { lang: 'zh', width: 390 },
];

// What the link in the latest mail to an address leads to.
async function linkOf(person, address) {
  const path = await person.$('.hint a').first().getAttribute('href');
  const mailbox = await person.context.newPage();
  await mailbox.goto(person.wire.url + path);
  const mail = mailbox.locator('li', { hasText: address }).first();
  const link = /\S+\/mail\/stay\?t=\S+/.exec(await mail.textContent())?.[0];
  await mailbox.close();
  return link;
}

async function moves(person) {
  const [old, fresh] = [person.email, `new.${person.email}`];
  await person.goes('settings/profile');
  await person.$('.list-pane a', { hasText: person.t('address.change') }).click();
  await person.field('address.new').waitFor();
  await screen(person, 'another address');
  await person.field('address.new').fill(fresh);
  await person.button('auth.mail_code').click();
  await person.$('.hint a').waitFor();
  await screen(person, 'the code of another address');
  const link = await linkOf(person, old);
  await person.field('auth.code.label').fill(await person.readsCode(fresh));
  await person.button('address.change').click();
  await person.$('.list-pane', { hasText: fresh }).first().waitFor();
  await screen(person, 'profile with another address');
  return link;
}

// Codes for the day on which they lose their mailbox; the latest of them.
async function makesCodes(person) {
  await person.goes('settings/profile');
  await person.$('.list-pane a', { hasText: person.t('recovery') }).click();
  await person.button('recovery.make').waitFor();
  await screen(person, 'no recovery codes yet');
  await person.button('recovery.make').click();
  await person.$('.hint a').waitFor();
  await screen(person, 'the code that makes recovery codes');
  await person.field('auth.code.label').fill(await person.readsCode());
  await person.button('recovery.make').click();
  await person.$('.recovery-codes li').nth(9).waitFor();
  await screen(person, 'recovery codes');
  const saving = person.page.waitForEvent('download');
  await person.button('file.save').click();
  check((await saving).suggestedFilename() === 'recovery-codes.txt', 'the codes are saved');
  const codes = await person.$('.recovery-codes li').allTextContents();
  check(new Set(codes).size === 10, 'ten codes');
  return codes[9];
}

// Without their mailbox they come in by a code, which works once.
async function recovers(person, code) {
  await person.goes('settings');
  await person.$('.list-pane .row-button', { hasText: person.t('log_out') }).click();
  await person.$('dialog .danger, .dialog .danger').first().click();
  await person.$('.auth').waitFor();
  await person.button('auth.lost').click();
  await person.field('recovery.code').waitFor();
  await screen(person, 'log in with a recovery code');
  await person.field('email').fill(person.email);
  await person.field('recovery.code').fill('0000-0000-0000-0000');
  await person.$('form button.primary').click();
  await person.$('.error-text').waitFor();
  await screen(person, 'a wrong recovery code');
  person.errors = person.errors.filter((text) => !/status of 401/.test(text));
  await person.field('recovery.code').fill(code.toLowerCase().replaceAll('-', ' '));
  await person.$('form button.primary').click();
  await person.$('.list-pane').waitFor();
  await person.goes('settings/recovery');
  await person.$('.list-pane', { hasText: person.t('recovery.void') }).first().waitFor();
  await screen(person, 'nine recovery codes are left');
}

// A copy of what they have, made by the server and fetched by its link.
async function copies(person) {
  await person.goes('settings/profile');
  await person.$('.list-pane a', { hasText: person.t('export') }).click();
  await person.button('export.ask').waitFor();
  await screen(person, 'no copy yet');
  await person.button('export.ask').click();
  const part = person.$('.list-pane .row-button', { hasText: '.zip' });
  await part.waitFor();
  await screen(person, 'a copy');
  const [download] = await Promise.all([person.page.waitForEvent('download'), part.click()]);
  check((await download.suggestedFilename()).endsWith('.zip'), 'a zip is saved');
}

export async function account() {
  for (const [at, how] of LOOKS.entries()) {
    const person = await arrives({ name: `Ana Mudanza ${at}`, ...how });
    await person.signsUp();
    await copies(person);
    await recovers(person, await makesCodes(person));
    const link = await moves(person);
    person.quiet();
    // Whoever reads the old mailbox takes it back.
    check(link, 'the mail to the old address has a link');
    const page = await person.context.newPage();
    await page.goto(person.wire.url + new URL(link).pathname + new URL(link).search);
    await page.locator('button').click();
    await page.getByText(person.email).waitFor();
    await page.close();
    person.hasOutage = true;
    await until('they are logged out', () => person.$('.auth').isVisible());
    person.errors = person.errors.filter((text) => !/status of 401/.test(text));
    person.quiet();
  }
}
