"""What the environment may say, and what is refused."""

from pathlib import Path

import pytest

from melo.environment.errors import BadSetting
from melo.environment.reading import Environment, read_environment
from tests.conftest import Manage, clean_environ

PRODUCTION = {
    "MELO_ENV": "production",
    "SECRET_KEY": "0hVvN2vJ7c-not-a-real-one-Xy3oKqTtW8mZ5pRbLfGdHsJk",
    "ALLOWED_HOSTS": "chat.example.com",
}


def read(base_dir: Path, **environ: str) -> Environment:
    return read_environment(base_dir=base_dir, environ=environ)


def refusal(base_dir: Path, **environ: str) -> BadSetting:
    with pytest.raises(BadSetting) as caught:
        read(base_dir, **environ)
    return caught.value


def test_nothing_set_is_the_embedded_server(tmp_path: Path) -> None:
    database = read(tmp_path).database

    assert database.embedded_dir == tmp_path / "var" / "postgres"
    assert database.address.name == "melo_v2"


def test_embedded_data_can_be_elsewhere(tmp_path: Path) -> None:
    assert read(tmp_path, MELO_EMBEDDED_DIR="/srv/x").database.embedded_dir == Path("/srv/x")
    assert read(tmp_path, MELO_EMBEDDED_DIR="x").database.embedded_dir == tmp_path / "x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_HOST", "localhost"),
        ("DB_PORT", "5432"),
        ("DB_USER", "postgres"),
        ("DB_PASSWORD", "postgres"),
        ("DB_NAME", "melo_v2"),
    ],
)
def test_one_variable_is_enough_for_a_server(tmp_path: Path, name: str, value: str) -> None:
    database = read(tmp_path, **{name: value}).database

    assert database.embedded_dir is None
    assert database.address.host == "localhost"
    assert database.address.port == 5432
    assert database.address.user == "postgres"
    assert database.address.password == "postgres"
    assert database.address.name == "melo_v2"


def test_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    database = read(tmp_path, DB_HOST="", DATABASE_URL="", MELO_ENV="", DEBUG="").database

    assert database.embedded_dir is not None


def test_host_may_be_a_socket_directory(tmp_path: Path) -> None:
    address = read(tmp_path, DB_HOST="/var/run/postgresql").database.address

    assert address.host == "/var/run/postgresql"


def test_password_is_taken_as_it_is(tmp_path: Path) -> None:
    assert read(tmp_path, DB_PASSWORD=" $ecret ").database.address.password == " $ecret "


def test_url_is_read_with_its_encoding_and_options(tmp_path: Path) -> None:
    url = (
        "postgres://me%40x:p%40s%2Fs%3A%23%3F@[::1]:6000/my%20db?sslmode=require&connect_timeout=3"
    )

    database = read(tmp_path, DATABASE_URL=url).database

    assert database.address.host == "::1"
    assert database.address.port == 6000
    assert database.address.user == "me@x"
    assert database.address.password == "p@s/s:#?"
    assert database.address.name == "my db"
    assert database.options == {"sslmode": "require", "connect_timeout": "3"}


@pytest.mark.parametrize(
    "url",
    ["postgresql://%2FVar%2Frun/melo_v2", "postgres:///melo_v2?host=/Var/run"],
)
def test_url_may_name_a_socket_directory(tmp_path: Path, url: str) -> None:
    address = read(tmp_path, DATABASE_URL=url).database.address

    assert address.host == "/Var/run"
    assert address.user == "postgres"


def test_url_may_turn_off_what_a_pooler_cannot_do(tmp_path: Path) -> None:
    url = "postgres://localhost/melo?prepare_threshold=none&server_side_binding=false"

    assert read(tmp_path, DATABASE_URL=url).database.options == {
        "prepare_threshold": None,
        "server_side_binding": False,
    }


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hunter2@localhost/melo",
        "hunter2",
        "postgres://u:hunter2@localhost:0/melo",
        "postgres://u:hunter2@localhost:65536/melo",
        "postgres://u:hunter2@localhost:x/melo",
        "postgres://u:hunter2@localhost",
        "postgres://u:hunter2@localhost/",
        "postgres://u:hunter2@[::1/melo",
        "postgres://u:hunter2/x@localhost/melo",
        "postgres://u:hunter2#x@localhost/melo",
        "postgres://u:hunter2?x@localhost/melo",
        "postgres://u:hunter2%ff@localhost/melo",
        "postgres://u:hunter2\udcff@localhost/melo",
        "postgres://u:hunter2%@localhost/melo",
        "u:hunter2@localhost/melo?options=://",
        "postgres://u:hunter2@a,b/melo",
        "postgres://u:hunter2@a:1,b:2/melo",
        "postgres://u:hunter2@localhost/melo?hunter2",
        "postgres://u:hunter2@localhost/melo?nosuchoption=hunter2",
        "postgres://u:hunter2@localhost/melo?prepare_threshold=hunter2",
        "postgres://u:hunter2@localhost/melo?prepare_threshold_=hunter2",
        "postgres://u:hunter2@localhost/a/b",
        "postgres://u:hunter2",
    ],
)
def test_bad_url_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    error = refusal(tmp_path, DATABASE_URL=url)

    assert error.variable == "DATABASE_URL"
    assert "hunter2" not in str(error)
    assert "postgres://melo:p%40ss@db.example.com:5432/melo_v2" in str(error)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ('"postgres://u:hunter2@h/d"', "begins with a quote"),
        ("'postgres://u:hunter2@h/d'", "begins with a quote"),
        ("postgresql+psycopg://u:hunter2@h/d", "begins with postgresql+…://, as SQLAlchemy has it"),
        ("postgres://u:hunter2%@h/d", "a % without two hexadecimal digits"),
        ("postgres://u:hunter2%zz@h/d", "a % without two hexadecimal digits"),
        ("postgres://u:hunter2%00@h/d", "has %00"),
        ("postgres://u:hunter2@h/d?ssl=require", "did you mean sslmode?"),
        ("postgres://u:hunter2@h/d?aplication_name=x", "did you mean application_name?"),
        ("postgres://u:hunter2@h/d?hunter2=1", "an option that PostgreSQL does not know.\n"),
        ("postgres://u:hunter2@h/d?options=-c+hunter2", "a space is written %20"),
        ("postgres://u:hunter2@h/d?sslmode", "an option without a value"),
    ],
)
def test_common_mistake_in_a_url_is_named(tmp_path: Path, url: str, seen: str) -> None:
    text = str(refusal(tmp_path, DATABASE_URL=url))

    assert seen in text
    assert "hunter2" not in text


def test_url_has_the_ssl_of_others_and_a_plus_in_its_password(tmp_path: Path) -> None:
    database = read(tmp_path, DATABASE_URL="postgres://u:a+b@h/d?ssl=true").database

    assert database.address.password == "a+b"
    assert database.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "five", "5432.0", "\N{ARABIC-INDIC DIGIT FIVE}"]
)
def test_bad_port_is_refused(tmp_path: Path, port: str) -> None:
    text = str(refusal(tmp_path, DB_PORT=port))

    assert text == (
        f"DB_PORT cannot be used: {port!r} is not a port.\n"
        "Expected: a whole number from 1 to 65535.\n"
        "Example: DB_PORT=5432"
    )


def test_url_beside_parts_is_refused(tmp_path: Path) -> None:
    text = str(refusal(tmp_path, DATABASE_URL="postgres://u:hunter2@h/d", DB_HOST="h", DB_NAME="d"))

    assert "DB_HOST, DB_NAME set beside it" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("name", ["test", "prod", "Production"])
def test_other_environment_is_refused(tmp_path: Path, name: str) -> None:
    assert "development or production" in str(refusal(tmp_path, MELO_ENV=name))


def test_switch_that_is_neither_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, DEBUG="maybe").variable == "DEBUG"


def test_production_is_never_embedded(tmp_path: Path) -> None:
    environment = read(tmp_path, **PRODUCTION)

    assert environment.database.embedded_dir is None
    assert environment.database.address.host == "localhost"
    assert environment.is_debug is False


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_needs_its_variables(tmp_path: Path, missing: str) -> None:
    assert refusal(tmp_path, **(PRODUCTION | {missing: ""})).variable == missing


def test_production_is_never_debugged(tmp_path: Path) -> None:
    assert refusal(tmp_path, **PRODUCTION, DEBUG="1").variable == "DEBUG"


def test_development_key_is_stable_and_of_this_project(tmp_path: Path) -> None:
    key = read(tmp_path).secret_key

    assert key == read(tmp_path).secret_key
    assert key != read(tmp_path / "other").secret_key
    assert key.startswith("django-insecure-")
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    environment = read(tmp_path, SECRET_KEY="hunter2", DB_PASSWORD="hunter2")

    assert "hunter2" not in repr(environment)


def test_dotenv_is_read_behind_the_real_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\n\nDB_HOST=db.example.com\nexport DB_NAME='one'\n")

    address = read(tmp_path, DB_NAME="two").database.address

    assert address.host == "db.example.com"
    assert address.name == "two"
    assert read(tmp_path, DB_NAME="", DB_HOST="").database.embedded_dir is not None


def test_dotenv_line_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_HOST=localhost\nDB_PASSWORD = hunter2\n")

    text = str(refusal(tmp_path))

    assert "line 2" in text
    assert "hunter2" not in text


def test_example_dotenv_is_accepted(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    (tmp_path / ".env").write_text(example.read_text().replace("\n#", "\n"))

    with pytest.raises(BadSetting):
        read(tmp_path)
    (tmp_path / ".env").write_text(example.read_text())
    assert read(tmp_path).database.embedded_dir is not None


@pytest.mark.parametrize("command", ["migrate", "check", "runserver", "showmigrations"])
def test_command_prints_a_bad_setting_and_no_traceback(
    manage_process: Manage, command: str
) -> None:
    done = manage_process(command, env=clean_environ(DB_PORT="70000", DB_PASSWORD="hunter2"))

    assert done.returncode == 1
    assert done.stderr.startswith("BadSetting: DB_PORT cannot be used: '70000' is not a port.")
    assert "Traceback" not in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_command_shows_the_traceback_when_asked(manage: Manage) -> None:
    done = manage("check", "--traceback", env=clean_environ(DB_PORT="70000"))

    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_deploy_check_is_clean_in_production(manage: Manage) -> None:
    done = manage("check", "--deploy", env=clean_environ(**PRODUCTION, DB_PASSWORD="Tr0ub4dor"))

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    assert "0 silenced" in done.stdout
    assert "WARNING" not in done.stderr


def test_deploy_check_fails_with_the_default_password(manage: Manage) -> None:
    done = manage("check", "--deploy", env=clean_environ(**PRODUCTION))

    assert done.returncode == 1
    assert "melo.E002" in done.stderr
    assert "DB_PASSWORD" in done.stderr


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DB_PASWORD", "Did you mean DB_PASSWORD?"),
        ("DB_USERNAME", "Did you mean DB_USER?"),
        ("MELO_EMBEDED_DIR", "Did you mean MELO_EMBEDDED_DIR?"),
        ("DB_XYZZY_QUUX_PLUGH", "Those that begin with DB_ or MELO_ are MELO_ENV, "),
    ],
)
def test_variable_that_nobody_reads_is_warned_of(manage: Manage, name: str, hint: str) -> None:
    done = manage("check", env=clean_environ(**{name: "hunter2"}))

    assert done.returncode == 0
    assert f"(melo.W003) The variable {name} is set, and nothing reads it." in done.stderr
    assert hint in done.stderr
    assert "hunter2" not in done.stderr


def test_variable_in_dotenv_that_nobody_reads_is_known(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_HOSTNAME=localhost\nPOSTGRES_PASSWORD=other\n")

    environment = read(tmp_path, MELO_TEST_SEED="1", PATH="/bin")

    assert environment.unknown_variables == ("DB_HOSTNAME",)


def test_pool_is_asked_for_by_its_size(tmp_path: Path) -> None:
    environment = read(tmp_path, DB_HOST="localhost", DB_POOL_SIZE="4")

    setting = environment.database.as_django_setting(
        keep_connections_seconds=600, pool_size=environment.pool_size
    )

    assert setting["OPTIONS"]["pool"] == {
        "min_size": 1,
        "max_size": 4,
        "timeout": 10,
        "reconnect_timeout": 10,
    }
    # Django refuses both at once.
    assert setting["CONN_MAX_AGE"] == 0


def test_without_a_pool_connections_are_kept(tmp_path: Path) -> None:
    environment = read(tmp_path, DB_HOST="localhost")

    setting = environment.database.as_django_setting(
        keep_connections_seconds=600, pool_size=environment.pool_size
    )

    assert setting["CONN_MAX_AGE"] == 600
    assert "pool" not in setting["OPTIONS"]


def test_size_of_the_pool_does_not_choose_the_server(tmp_path: Path) -> None:
    assert read(tmp_path, DB_POOL_SIZE="4").database.embedded_dir is not None


@pytest.mark.parametrize("size", ["0", "-1", "many", "1001", "4.5"])
def test_size_that_no_pool_can_have_is_refused(tmp_path: Path, size: str) -> None:
    assert f"{size!r} is not a number of connections" in str(refusal(tmp_path, DB_POOL_SIZE=size))


def test_collected_files_go_where_it_says(tmp_path: Path) -> None:
    assert read(tmp_path).static_root == tmp_path / "staticfiles"
    assert read(tmp_path, STATIC_ROOT="/srv/static").static_root == Path("/srv/static")


def test_replicas_are_the_primary_on_other_servers(tmp_path: Path) -> None:
    environment = read(
        tmp_path,
        DATABASE_URL="postgres://melo:secret@db:5433/melo?sslmode=require",
        DB_REPLICA_HOSTS="one, two:5444,[fd00::1]:5445",
    )

    addresses = [replica.address for replica in environment.replicas]

    assert [(address.host, address.port) for address in addresses] == [
        ("one", 5433),
        ("two", 5444),
        ("fd00::1", 5445),
    ]
    assert {(address.user, address.password, address.name) for address in addresses} == {
        ("melo", "secret", "melo")
    }
    assert {replica.options["sslmode"] for replica in environment.replicas} == {"require"}


def test_nobody_waits_long_for_the_pool_of_a_replica(tmp_path: Path) -> None:
    (replica,) = read(tmp_path, DB_HOST="db", DB_REPLICA_HOSTS="one").replicas

    options = replica.as_django_setting(keep_connections_seconds=600, pool_size=4)["OPTIONS"]

    assert options["connect_timeout"] == 2
    assert (options["pool"]["timeout"], options["pool"]["reconnect_timeout"]) == (2, 2)


def test_a_host_that_is_gone_is_given_up(tmp_path: Path) -> None:
    """The system's own settings would have those who wait for an answer wait for two hours."""
    by_default = read(tmp_path, DB_HOST="db").database
    otherwise = read(tmp_path, DATABASE_URL="postgres://db/melo?tcp_user_timeout=5000").database

    options = by_default.as_django_setting(keep_connections_seconds=0)["OPTIONS"]
    other_options = otherwise.as_django_setting(keep_connections_seconds=0)["OPTIONS"]

    assert options["tcp_user_timeout"] == 30_000
    assert options["keepalives_idle"] + 4 * options["keepalives_interval"] == 30
    assert other_options["tcp_user_timeout"] == "5000"


def test_what_a_url_says_of_the_primary_alone_is_not_for_replicas(tmp_path: Path) -> None:
    """With that, each of them would lead to the primary, or refuse a standby."""
    environment = read(
        tmp_path,
        DATABASE_URL="postgres://db/melo?target_session_attrs=read-write&hostaddr=192.0.2.1",
        DB_REPLICA_HOSTS="one",
    )

    options = environment.replicas[0].options

    assert (options["target_session_attrs"], options["hostaddr"]) == ("any", "")


@pytest.mark.parametrize("hosts", ["a b", "one:", "one:x", "one:0", "one:70000", "u@one", "[one]"])
def test_host_that_no_replica_can_have_is_refused(tmp_path: Path, hosts: str) -> None:
    refused = refusal(tmp_path, DB_HOST="db", DB_REPLICA_HOSTS=hosts)

    assert f"{hosts!r} is not a host" in str(refused)


def test_embedded_server_has_no_replicas(tmp_path: Path) -> None:
    assert "no server is set" in str(refusal(tmp_path, DB_REPLICA_HOSTS="one"))


def test_lag_is_a_number_of_seconds(tmp_path: Path) -> None:
    assert read(tmp_path, DB_REPLICA_MAX_LAG="3").replica_max_lag == 3
    assert "is not a number of seconds" in str(refusal(tmp_path, DB_REPLICA_MAX_LAG="3s"))


def test_all_that_middleware_does_is_of_the_request_for_replicas(manage: Manage) -> None:
    done = manage("diffsettings", env=clean_environ(DB_HOST="db", DB_REPLICA_HOSTS="one"))

    assert "MIDDLEWARE = ['chat.replicas.middleware', " in done.stdout
