"""Access control of the server: only the page in the browser of the person who started it may use it."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def guard(token: str) -> Middleware:
    """Lets in only who knows the token, the first part of every path, and has this server in the address bar.

    Others get 404, which does not tell that the token was wrong. 403 is for pages of other sites, and for other sites'
    names that were made to lead here; browsers name both. A WebSocket without such a name is no browser's.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.match_info.get("token", "").encode(), token.encode()):
            raise web.HTTPNotFound
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        named = origin is not None or "Upgrade" in request.headers
        if host.partition(":")[0] not in HOSTS or (named and origin != f"http://{host}"):
            raise web.HTTPForbidden
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return check
