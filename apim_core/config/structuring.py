"""Plain data -> instances of attrs classes: the model's and every plugin's settings alike.

The quick way comes first. When it refuses, the same data is gone through again, slowly, to find all that is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from apim_core.config.converting import converter
from apim_core.config.diagnosis import diagnose
from apim_core.config.hooks import FOLDER
from apim_core.config.problems import ConfigErrors
from apim_core.config.references import NOWHERE, SourceRef

__all__ = ["structure"]

T = TypeVar("T")


def structure(data: Any, cls: type[T], source: SourceRef = NOWHERE) -> T:
    """An instance of the attrs class ``cls`` made of plain data: dict, list, str, int, float, bool, None.

    ``source`` is where the data was written: relative paths are relative to the folder of its file, and problems point
    below its pointer. Raises ConfigErrors with everything that is wrong; lines and columns are None until
    ``locate`` finds them.
    """
    folder = FOLDER.set(Path(source.file).parent if source.file else None)
    try:
        return converter().structure(data, cls)
    except Exception as error:
        raise ConfigErrors(diagnose(data, cls, source, error)) from error
    finally:
        FOLDER.reset(folder)
