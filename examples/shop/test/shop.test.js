import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { open } from '../shop.js';

const here = process.cwd();
let shop;

before(async () => {
  shop = await open();
});

after(async () => {
  await shop?.close();
});

test('an order is written and read back, and the stock shrinks', async (t) => {
  const [db, cache] = [new URL(process.env.DATABASE_URL), new URL(process.env.REDIS_URL)];
  t.diagnostic(`PostgreSQL at ${db.host}, Redis at ${cache.host}`);

  await shop.stock('teapot', 5);
  const id = await shop.order('teapot', 2);

  assert.deepEqual(
    (await shop.orders()).find((order) => order.id === id),
    { id, item: 'teapot', quantity: 2, from: here },
  );
  assert.equal(await shop.inStock('teapot'), 3);
});

test('what is not in stock is not sold', async () => {
  await shop.stock('kettle', 1);
  const before = (await shop.orders()).length;

  await assert.rejects(shop.order('kettle', 2), /not enough of kettle/);

  assert.equal(await shop.inStock('kettle'), 1);
  assert.equal((await shop.orders()).length, before);
});

// Two copies of this project that share a database fail here.
test('every row and key comes from this directory', async (t) => {
  const orders = await shop.orders();
  t.diagnostic(`${orders.length} order(s) in the table`);

  assert.deepEqual([...new Set(orders.map((order) => order.from))], [here]);
  assert.deepEqual(await shop.visitors(here), [here]);
});
