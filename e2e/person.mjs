// Somebody with a browser: what people do on the page, found by the words that they read, in the
// language that they speak. Everything waits for what it needs and fails at a deadline.
import { languages as all, more } from '../web/dist/texts/languages.js';
import { until } from './server.mjs';
import { Wire } from './wire.mjs';

// The languages of the page, each by its code.
export const languages = Object.fromEntries(await Promise.all(
  Object.entries(all).map(async ([code, { name, load }]) => [
    code, { name, texts: { ...(await load()).texts, ...await more(code) } },
  ]),
));

export const check = (fact, message) => {
  if (!fact) throw new Error(message);
};

// Errors that a cut wire or a killed server leaves in the console; nothing else may.
const OUTAGE = /net::ERR_|WebSocket connection to .* failed|Failed to fetch|status of 50[23]/;

export class Person {
  static async arrives(
    browser, server, { name, lang = 'en', width = 1280, theme = 'light', init = [], wire },
  ) {
    const person = new this();
    Object.assign(person, { browser, server, name, lang, width, theme, errors: [] });
    person.wire = wire ?? await Wire.to(server.port);
    person.context = await browser.newContext({
      locale: lang,
      viewport: { width, height: width < 600 ? 740 : 800 },
      colorScheme: theme,
      reducedMotion: 'reduce',
      permissions: ['microphone', 'camera', 'clipboard-read', 'clipboard-write'],
    });
    // What the page finds before its own scripts.
    for (const script of init) await person.context.addInitScript(script);
    await person.opens(`/#key=${server.key}`);
    return person;
  }

  get isNarrow() {
    return this.width < 600;
  }

  // The address of a name: unique in a run.
  get email() {
    const plain = this.name.normalize('NFD').replace(/[^a-z0-9]/gi, '').toLowerCase();
    return `${plain || 'x'}@example.org`;
  }

  async opens(path) {
    this.page ||= await this.context.newPage();
    this.page.setDefaultTimeout(60_000);
    if (!this.isWatched) {
      this.isWatched = true;
      this.page.on('console', (message) => {
        if (message.type() !== 'error') return;
        if (this.hasOutage && OUTAGE.test(message.text())) return;
        this.errors.push(`${message.text()} (${message.location().url})`);
      });
      this.page.on('pageerror', (error) => this.errors.push(String(error.stack ?? error)));
      this.page.on('dialog', (dialog) => {
        this.errors.push(`a dialog of a script: ${dialog.message()}`);
        void dialog.dismiss();
      });
    }
    await this.page.goto(this.wire.url + path);
  }

  // A text of the page in the language of this person.
  t(key, fill = {}) {
    const text = languages[this.lang].texts[key].split('|').at(-1);
    return text.replace(/\{(\w+)\}/g, (whole, word) => fill[word] ?? whole);
  }

  $(selector, options) {
    return this.page.locator(selector, options);
  }

  button(key, fill) {
    return this.page.getByRole('button', { name: this.t(key, fill), exact: true });
  }

  field(key) {
    return this.page.getByLabel(this.t(key), { exact: true });
  }

  // ---- coming in ----

  async asksForCode({ isNew = true } = {}) {
    if (isNew) {
      await this.$('.auth-switch button').click();
      await this.field('name').fill(this.name);
    }
    await this.field('email').fill(this.email);
    await this.button('auth.mail_code').click();
    await this.$('.code-field input').waitFor();
  }

  // Reads the latest code on the mailbox page, as a newcomer does: the login page links it.
  async readsCode(address = this.email) {
    const path = await this.$('.hint a').getAttribute('href');
    const mailbox = await this.context.newPage();
    await mailbox.goto(this.wire.url + path);
    const mail = mailbox.locator('li', { hasText: address, has: mailbox.locator('.code') }).first();
    const code = await mail.locator('.code').textContent();
    await mailbox.close();
    return code;
  }

  async pastes(text) {
    await this.page.bringToFront();
    await this.page.evaluate((code) => navigator.clipboard.writeText(code), text);
    await this.$('.code-field input').focus();
    await this.page.keyboard.press('Control+V');
  }

  async signsUp() {
    await this.asksForCode();
    await this.pastes(`${this.t('auth.code.label')}: ${await this.readsCode()}`);
    await this.$('.list-pane').waitFor();
    this.id = await this.inside(({ client }) => client.me.id);
    return this;
  }

  // The page's own modules, for what takes too long by hand or cannot be seen.
  async inside(work, arg) {
    const modules = await this.page.evaluateHandle(() => import('/assets/state.js'));
    return modules.evaluate(work, arg);
  }

  // ---- going about ----

  // A list by its title: when the page goes from one to another, both have a search and rows.
  pane(key) {
    return this.$(`.list-pane[aria-label="${this.t(key)}"]`);
  }

  async goesHome() {
    await this.page.evaluate(() => { location.hash = '#/'; });
    await this.pane('chats').waitFor();
    await this.$('.composer').waitFor({ state: 'detached' });
  }

  async goes(path) {
    await this.page.evaluate((path) => { location.hash = `#/${path}`; }, path);
  }

  row(name) {
    return this.$('.chats .chat-item', { has: this.$('.chat-name', { hasText: name }) });
  }

  async openChat(name) {
    await this.goesHome();
    await this.row(name).locator('a').click();
    await this.$('.composer textarea').waitFor();
  }

  // Finds somebody by search and opens the chat.
  async finds(name) {
    await this.goesHome();
    await this.button('new').click();
    const pane = this.pane('new');
    await pane.locator('.search input').fill(name);
    await pane.locator('.scroll .chat-row', { hasText: name }).first().click();
    await this.$('.composer textarea').waitFor();
  }

  get chat() {
    return this.page.evaluate(() => location.hash.split('/')[2]);
  }

  // ---- talking ----

  async types(text) {
    await this.$('.composer textarea').fill(text);
  }

  async sends() {
    await this.$('.composer .send').click();
  }

  async says(text) {
    await this.types(text);
    await this.sends();
    await this.bubble(text).waitFor();
  }

  bubble(text) {
    return this.$('.messages .bubble', { hasText: text }).last();
  }

  async sees(text) {
    await this.bubble(text).waitFor();
  }

  // Own message `text` has come so far: sending, sent, delivered, read.
  async standing(text, state) {
    await this.bubble(text).locator(`.ticks.${state}`).waitFor();
  }

  async menuOf(text) {
    await this.bubble(text).click({ button: 'right', position: { x: 12, y: 10 } });
    await this.$('dialog.menu').waitFor();
  }

  async does(text, key) {
    await this.menuOf(text);
    await this.$('dialog.menu').getByRole('button', { name: this.t(key), exact: true }).click();
  }

  async reacts(text, emoji) {
    await this.menuOf(text);
    await this.$('dialog.menu .quick button', { hasText: emoji }).click();
  }

  // ---- what must hold ----

  unread(name) {
    return this.row(name).locator('.badge').first().textContent();
  }

  quiet() {
    check(!this.errors.length, `${this.name}'s console: ${this.errors.join('\n')}`);
  }

  async live() {
    await until(
      `${this.name} is live`,
      () => this.inside(({ client }) => client.connection === 'live' && client.isSynced),
    );
  }

  async leaves() {
    await this.context.close();
    this.wire.end();
  }
}
