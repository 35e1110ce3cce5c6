"""The gateway's settings: one TOML file, a comment above every option, unknown keys refused.

Read by `__main__`. Secrets stand in the key folder, never in here.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.errors import SettingsWrong
from gateway.sections import (
    CentersSettings,
    ClockSettings,
    Folders,
    GpioSettings,
    LocalSettings,
    LogSettings,
    MetricsSettings,
    OutboxSettings,
    PanicSettings,
    SerialSettings,
    SmsSettings,
    UplinkSettings,
)

DEFAULT_PATH = Path("/etc/sereno/gateway.toml")


class Settings(BaseSettings):
    """All settings; SERENO_GATEWAY_UPLINK__HOST and the like override the file."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix="SERENO_GATEWAY_", env_nested_delimiter="__")

    folders: Folders = Field(default_factory=Folders)
    uplink: UplinkSettings
    local: LocalSettings = Field(default_factory=LocalSettings)
    serial: SerialSettings = Field(default_factory=SerialSettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    sms: SmsSettings = Field(default_factory=SmsSettings)
    panic: PanicSettings = Field(default_factory=PanicSettings)
    centers: CentersSettings = Field(default_factory=CentersSettings)
    clock: ClockSettings = Field(default_factory=ClockSettings)
    gpio: GpioSettings = Field(default_factory=GpioSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then what the file said."""
        return env_settings, init_settings


def load(path: Path) -> Settings:
    """The settings in a file; raises SettingsWrong with one sentence that names the option."""
    try:
        text = path.read_bytes().decode()
        return Settings(**tomllib.loads(text))
    except OSError as error:
        raise SettingsWrong(
            f"{path} cannot be read ({error.strerror}); make one: sereno-gateway settings > {path}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise SettingsWrong(f"{path}: {_sentence(error)}") from error


def sample() -> str:
    """The whole file with its defaults, a comment above every option."""
    out = ["# Settings of sereno-gateway. Every option stands here with its default."]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type) and issubclass(section, BaseModel)
        out += ["", f"# {section.__doc__}", f"[{name}]"]
        for option, entry in section.model_fields.items():
            value = entry.examples[0] if entry.is_required() and entry.examples else entry.default
            out += [f"# {entry.description}", f"{option} = {_toml(value)}"]
    return "\n".join(out) + "\n"


def _toml(value: object) -> str:
    # JSON's strings, numbers, booleans and lists of them are TOML's too.
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, bool | int | float | list)
        else json.dumps(str(value))
    )


def _sentence(error: ValidationError) -> str:
    first, more = error.errors()[0], error.error_count() - 1
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        what = f"{where} is not an option; `sereno-gateway settings` prints all of them"
    elif first["type"] == "missing":
        what = f"{where} is missing; `sereno-gateway settings` prints every option"
    else:
        # What a validator of ours says comes with these words before it.
        why = first["msg"].removeprefix("Value error, ")
        what = f"{where} = {first['input']!r} is not possible: {why[:1].lower()}{why[1:]}"
    return what + (f" (and {more} more)" if more else "")
