// The shop: orders live in PostgreSQL, stock in Redis. Where those are comes from DATABASE_URL and REDIS_URL.
import pg from 'pg';
import { createClient } from 'redis';

export async function open({ DATABASE_URL, REDIS_URL } = process.env) {
  if (!DATABASE_URL || !REDIS_URL) {
    throw new Error('DATABASE_URL and REDIS_URL are not set: try `prism exec -- npm test`');
  }
  const db = new pg.Client({ connectionString: DATABASE_URL });
  // A connection that is refused fails at once instead of being tried again for ever.
  const cache = createClient({ url: REDIS_URL, socket: { reconnectStrategy: false } });
  cache.on('error', () => {}); // reported by the command that fails
  await db.connect();
  try {
    await cache.connect();
    await db.query(`
      CREATE TABLE IF NOT EXISTS orders (
        id serial PRIMARY KEY,
        item text NOT NULL,
        quantity integer NOT NULL CHECK (quantity > 0),
        placed_from text NOT NULL
      )`);
  } catch (error) {
    await db.end();
    throw error;
  }

  return {
    async stock(item, quantity) {
      await cache.set(`stock:${item}`, quantity);
    },

    async inStock(item) {
      return Number(await cache.get(`stock:${item}`));
    },

    // Takes the items out of the stock, or refuses and leaves it as it was.
    async order(item, quantity, from = process.cwd()) {
      if ((await cache.decrBy(`stock:${item}`, quantity)) < 0) {
        await cache.incrBy(`stock:${item}`, quantity);
        throw new Error(`not enough of ${item}`);
      }
      const { rows } = await db.query(
        'INSERT INTO orders (item, quantity, placed_from) VALUES ($1, $2, $3) RETURNING id',
        [item, quantity, from],
      );
      return rows[0].id;
    },

    async orders() {
      return (await db.query('SELECT id, item, quantity, placed_from AS "from" FROM orders ORDER BY id')).rows;
    },

    // Every directory that ever left a key here.
    async visitors(from) {
      if (from) await cache.sAdd('visitors', from);
      return await cache.sMembers('visitors');
    },

    async close() {
      await db.end();
      cache.destroy();
    },
  };
}
