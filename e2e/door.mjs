// Coming in where not everybody may: the page asks for the invitation, its link brings it along,
// and where sign-up is closed the page says so.
import { check } from './person.mjs';
import { another, arrives, screen, shown } from './stage.mjs';

// By the link, which also may be pasted into the field.
async function invited() {
  const server = await another({ SIGN_UP: 'invited' });
  try {
    await (await arrives({ name: 'Ana Puerta' }, server)).signsUp();
    const link = server.runs('invite', '--uses', '2');
    const beto = await arrives({ name: 'Beto Puerta', lang: 'es', width: 360 }, server);
    await beto.$('.auth-switch button').click();
    await beto.field('auth.invitation').fill(link);
    await screen(beto, 'invitation');
    await beto.$('.auth-switch button').click();
    await beto.signsUp();
    const carla = await arrives({ name: 'Carla Puerta', lang: 'zh', theme: 'dark' }, server);
    // At the address where this browser has the key of the mailbox, once it has taken that.
    await shown(carla, '.auth');
    await carla.opens(`/${new URL(link).hash}`);
    await carla.field('name').fill(carla.name);
    const code = await carla.field('auth.invitation').inputValue();
    check(link.endsWith(`/${code}`), 'the link brings the code');
    await carla.field('email').fill(carla.email);
    await carla.button('auth.mail_code').click();
    await carla.pastes(await carla.readsCode());
    await shown(carla, '.list-pane');
    for (const person of [beto, carla]) person.quiet();
  } finally {
    await server.end();
  }
}

async function closed() {
  const server = await another({ SIGN_UP: 'closed' });
  try {
    await (await arrives({ name: 'Ana Cerrada' }, server)).signsUp();
    const dora = await arrives({ name: 'Dora Cerrada', lang: 'es', width: 360 }, server);
    await dora.$('.auth-switch button').click();
    await dora.page.getByText(dora.t('auth.closed')).waitFor();
    check(await dora.field('email').count() === 0, 'there is nothing to fill in');
    await screen(dora, 'closed');
    dora.quiet();
  } finally {
    await server.end();
  }
}

// What the first, the invited and the others meet.
export async function door() {
  await invited();
  await closed();
}
