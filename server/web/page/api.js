// Asking the coordinator. An answer that did not change is not transferred again.

const known = new Map();  // path -> {etag, body, version}

// {body, version}: equal versions are equal bodies. Throws an Error with the coordinator's own message.
export async function get(path) {
  const before = known.get(path);
  const response = await fetch(`/api/v1/${path}`, { headers: before ? { "If-None-Match": before.etag } : {} });
  if (response.status === 304) return before;
  const body = await response.json().catch(() => ({ message: `HTTP status ${response.status}` }));
  if (!response.ok) throw new Error(body.message);
  const etag = response.headers.get("ETag");
  known.set(path, { etag, body, version: `${path} ${etag}` });
  return known.get(path);
}

// All pages of a list, or the first `pages`. `field` holds its items.
export async function getAll(path, field, pages = Infinity) {
  const items = [];
  const versions = [];
  let token = "";
  for (let page = 0; page < pages; ++page) {
    const answer = await get(token ? `${path}&page_token=${encodeURIComponent(token)}` : path);
    items.push(...answer.body[field]);
    versions.push(answer.version);
    token = answer.body.nextPageToken;
    if (!token) break;
  }
  return { items, version: versions.join(), more: Boolean(token) };
}
