"""The application factory, the fixed order of a request, and the one place where errors become pages."""

from __future__ import annotations

import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

import redis
import structlog
from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from coordinator.config import Settings
from coordinator.extensions import babel, csrf, db, migrate
from coordinator.kernel import clock, crypto, i18n, logs, queue
from coordinator.kernel.access import ANONYMOUS, Permission, current_actor
from coordinator.kernel.errors import DomainError, TooMany

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parent.parent
# Each feature's views module holds a blueprint `bp`; the order is that of the request's menus.
FEATURES = (
    "coordinator.kernel.health",
    "coordinator.accounts.views",
    "coordinator.messages.views",
    "coordinator.elders.views",
    "coordinator.elders.import_views",
    "coordinator.workforce.views",
    "coordinator.workforce.import_views",
    "coordinator.workforce.roster_views",
    "coordinator.joining.views",
    "coordinator.joining.guardian_views",
    "coordinator.visits.views",
    "coordinator.planning.views",
    "coordinator.marketplace.views",
    "coordinator.agenda.views",
    "coordinator.register.views",
    "coordinator.register.import_views",
    "coordinator.fieldwork.views",
    "coordinator.dropouts.views",
    "coordinator.hours.views",
    "coordinator.supervision.views",
    "coordinator.home.views",
)
MEBIBYTE = 1024 * 1024
UPLOAD_LIMIT = 16 * MEBIBYTE
FORM_LIMIT = 2 * MEBIBYTE


class RowId(IntegerConverter):
    """`<int:…>` of an address: what cannot be a key of a table is no page rather than a fault of the database."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=2**63 - 1)


def create_app(settings: Settings) -> Flask:
    """Build the application. Connects to nothing; importing and calling it has no side effect outside it."""
    app = Flask("coordinator", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(_flask_config(settings))
    app.extensions["settings"] = settings
    crypto.configure(settings.field_key)
    clock.freeze(settings.now)
    logs.configure(settings)
    app.extensions["redis"] = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=30,
        # redis-py's own default waits seconds before it says that the server is away; pages must not.
        retry=Retry(ConstantBackoff(0.1), 2),
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.url_map.converters["int"] = RowId
    import_module("coordinator.models")
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "coordinator" / "migrations"))
    csrf.init_app(app)
    babel.init_app(app, locale_selector=i18n.select_locale, default_timezone="Asia/Shanghai")
    i18n.register(app)
    import_module("coordinator.accounts.authentication").register(app)
    with app.app_context():
        queue.listen(db.session)
    for name in FEATURES:
        module = import_module(name)
        blueprint: Blueprint = module.bp
        app.register_blueprint(blueprint)
    _register_request_order(app)
    _register_errors(app)
    return app


def _flask_config(settings: Settings) -> dict[str, Any]:
    secure = settings.secure_cookies
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": True,
            "pool_size": 5,
            "max_overflow": 5,
            "pool_timeout": 5,
            # What a refused statement carried is somebody's data and must not reach a log.
            "hide_parameters": True,
            "connect_args": {
                "connect_timeout": 5,
                "application_name": "tanfang",
                "options": "-c timezone=UTC -c lock_timeout=2s -c statement_timeout=30s"
                " -c idle_in_transaction_session_timeout=30s",
            },
        },
        "SESSION_COOKIE_NAME": "__Host-tanfang" if secure else "tanfang",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        # A record form is filled in over hours in the field: the token lives as long as the session.
        "WTF_CSRF_TIME_LIMIT": None,
        # Checked by hand in the request order below, once the actor is known.
        "WTF_CSRF_CHECK_DEFAULT": False,
        "MAX_CONTENT_LENGTH": UPLOAD_LIMIT,
        "MAX_FORM_MEMORY_SIZE": FORM_LIMIT,
        "MAX_FORM_PARTS": 5_000,
        "BABEL_DEFAULT_LOCALE": "zh",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "coordinator" / "translations"),
        "TESTING": settings.testing,
        "SEND_FILE_MAX_AGE_DEFAULT": 0 if settings.testing else 3600,
        "TEMPLATES_AUTO_RELOAD": settings.testing,
    }


def _register_request_order(app: Flask) -> None:
    """Request id, nonce → actor → permission of the endpoint → view → headers."""
    authenticate = import_module("coordinator.accounts.authentication")

    @app.before_request
    def begin() -> Response | None:
        g.request_id = secrets.token_hex(8)
        g.csp_nonce = secrets.token_urlsafe(16)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id, endpoint=request.endpoint)
        g.actor = ANONYMOUS
        if request.endpoint is None or request.endpoint == "static":
            return None
        view = app.view_functions[request.endpoint]
        permission = getattr(view, "permission", None)
        if permission is None:
            log.error("endpoint without a permission", endpoint=request.endpoint)
            return _error_response(403, _("这个页面还没有开放。"), _("请返回首页。"))
        if request.blueprint == "health":
            return None  # asked by programs, also while there is no database to say who they are
        answer = authenticate.admit(permission)
        if answer is None and not getattr(view, "exempt_from_token", False):
            csrf.protect()
        return answer

    app.after_request(_headers)
    app.jinja_env.globals["csp_nonce"] = lambda: g.csp_nonce


def _headers(response: Response) -> Response:
    settings: Settings = current_app.extensions["settings"]
    nonce = g.get("csp_nonce", "")
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; "
        f"script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "manifest-src 'self'; worker-src 'self'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Permissions-Policy"] = "geolocation=(self), camera=(self), microphone=(), payment=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if settings.secure_cookies:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def wants_json() -> bool:
    """Does the caller (a script, not a person) expect JSON?"""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes["text/html"] == 0


def _error_response(
    status: int,
    title: Any,
    text: Any,
    *,
    headers: dict[str, str] | None = None,
    action: tuple[str, str] | None = None,
) -> Response:
    """One error page for people, one JSON object for programs, a plain strip for a partial update.

    `action` is where the page's button leads and what it says; home by default.
    """
    href, label = action or ("/", _("回到首页"))
    error = {
        "status": status,
        "title": str(title),
        "text": str(text),
        "reference": g.get("request_id", ""),
        "action_href": href,
        "action_label": label,
    }
    if wants_json():
        response = jsonify(error={key: error[key] for key in ("status", "title", "text", "reference")})
    elif request.headers.get("HX-Request"):
        response = Response(render_template("errors/partial.html", error=error))
        # htmx swaps only answers that say so; the strip goes to the page's message area.
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        response = Response(render_template("errors/page.html", error=error))
    response.status_code = status
    response.headers.extend(headers or {})
    return response


def _same_origin() -> bool:
    """Did a page of ours send this form? Only then may it be offered for sending again."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    return site in ("same-origin", "none") and origin in (None, request.host_url.rstrip("/"))


def _try_again() -> Response:
    """A server we need is coming back: the same page again, or the form with everything typed."""
    title, text = _HTTP_TEXTS[503]
    headers = {"Retry-After": "5"}
    partial = wants_json() or request.headers.get("HX-Request")
    if request.method == "POST" and request.form and not partial and _same_origin():
        text = _("您填写的内容都在这一页里。系统正在自动恢复，过几秒按“再送一次”就行。")
        return import_module("coordinator.kernel.forms").keep_typed_form(503, title, text, headers)
    if request.method == "GET" and not partial:
        href = request.full_path.rstrip("?")
        return _error_response(503, title, text, headers=headers, action=(href, _("再试一次")))
    return _error_response(503, title, text, headers=headers)


_HTTP_TEXTS = {
    400: (_l("这次请求没有看懂"), _l("请返回上一页再试一次。")),
    404: (_l("没有找到这一页"), _l("可能已经移走，或者不在您的管辖范围内。")),
    405: (_l("这一页不能这样打开"), _l("请从页面上的按钮进入。")),
    413: (_l("文件太大"), _l("一次最多 16 MB。请分成几个文件再上传。")),
    415: (_l("不支持这种格式"), _l("请换一种格式再试。")),
    429: (_l("操作太频繁了"), _l("请稍等再试。")),
    500: (_l("系统出了点问题"), _l("已经记下来了。请稍后再试；如果急用，请把下面的编号告诉管理员。")),
    503: (_l("系统暂时连不上"), _l("系统正在自动恢复，一般几秒钟就好。请稍等再试一次。")),
}


def _register_errors(app: Flask) -> None:
    @app.errorhandler(DomainError)
    def refused(problem: DomainError) -> Response:
        db.take_back()
        headers = {"Retry-After": str(problem.retry_after)} if isinstance(problem, TooMany) else None
        if problem.status == 403:
            log.warning("refused", user_id=current_actor().user_id, reason=str(problem.message))
        return _error_response(problem.status, str(problem.message), str(problem.remedy), headers=headers)

    @app.errorhandler(CSRFError)
    def stale_form(problem: CSRFError) -> Response:
        db.take_back()
        log.info("form token refused", reason=problem.description)
        if not _same_origin():
            return _error_response(403, _("这次请求不是从本站发出的"), _("请从本站的页面进入。"))
        return import_module("coordinator.kernel.forms").keep_typed_form()

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(PoolTimeout)
    def database_away(problem: DBAPIError | PoolTimeout) -> Response:
        db.take_back()
        log.error("database away", error=str(getattr(problem, "orig", problem))[:200])
        return _try_again()

    @app.errorhandler(redis.exceptions.RedisError)
    def queue_away(problem: redis.exceptions.RedisError) -> Response:
        db.take_back()
        log.error("queue away", error=str(problem)[:200])
        return _try_again()

    @app.errorhandler(HTTPException)
    def http_problem(problem: HTTPException) -> Response:
        status = problem.code or 500
        if 300 <= status < 400:
            return problem.get_response()  # type: ignore[return-value]
        db.take_back()
        title, text = _HTTP_TEXTS.get(status, _HTTP_TEXTS[400 if status < 500 else 500])
        return _error_response(status, title, text)

    @app.errorhandler(Exception)
    def unexpected(problem: Exception) -> Response:
        db.take_back()
        log.exception("unexpected error", path=request.path)
        if app.config["TESTING"]:
            raise problem
        return _error_response(500, *_HTTP_TEXTS[500])


def public(view: Any) -> Any:
    """Mark an endpoint that needs no sign-in."""
    view.permission = Permission.PUBLIC
    return view
